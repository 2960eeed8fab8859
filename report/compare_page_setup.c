/*
 * How the graphs were made, on the page of `kin compare` (declared in report/compare_page.h): what
 * their manifests say, a column each. Rows in which the graph and its reference differ are marked.
 */
#include "core/counted.h"
#include "core/json.h"
#include "report/compare_names.h"
#include "report/compare_page.h"
#include "report/part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDES_MAX = 4, CELL_MAX = 512 };

typedef struct column {
    const kin_graph *graph;
    const json_t *manifest; /* NULL: of rows that were computed here */
    const char *role;
    const kin_comparison_side *side;
} column;

typedef struct sheet {
    compare_page *page;
    FILE *out;
    column column[SIDES_MAX];
    size_t columns;
    size_t beside; /* the column that the first is held against; 0: there is none */
} sheet;

static void add_column(sheet *self, const kin_comparison_side *side, const char *role,
                       bool computed)
{
    if (side->there)
        self->column[self->columns++] =
            (column){&side->graph, computed ? NULL : side->graph.manifest, role, side};
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* A value of a manifest as a line; empty where there is none. Too long a text is cut and ends in
 * "...". */
static void cell_text(const sheet *self, char out[CELL_MAX], const json_t *value)
{
    out[0] = '\0';
    if (json_is_string(value)) {
        snprintf(out, CELL_MAX, "%s", json_string_value(value));
    } else if (json_is_real(value)) {
        snprintf(out, CELL_MAX, "%.6g", json_real_value(value));
    } else if (value && !json_is_null(value)) {
        char *text = kin_json_dump(value, JSON_ENCODE_ANY | JSON_COMPACT);
        snprintf(out, CELL_MAX, "%s", text ? text : "");
        if (!text && self->page->rc == 0)
            self->page->rc = kin_fail_alloc(self->page->err, "the page", CELL_MAX);
        free(text);
    }
    if (strlen(out) == CELL_MAX - 1)
        memcpy(out + CELL_MAX - 4, "...", 3);
}

/* A row of texts, one a column; nothing where all are empty. */
static void write_row(const sheet *self, const char *name, char cell[SIDES_MAX][CELL_MAX])
{
    bool any = false;
    for (size_t i = 0; i < self->columns; i++)
        any = any || cell[i][0];
    if (!any)
        return;
    size_t r = self->beside;
    bool differs = r && cell[0][0] && cell[r][0] && strcmp(cell[0], cell[r]) != 0;
    fputs(differs ? "<tr class=\"differs\">" : "<tr>", self->out);
    kin_page_format(self->out, "<th scope=\"row\">%s</th>", name);
    for (size_t i = 0; i < self->columns; i++)
        kin_page_format(self->out, "<td class=\"text\">%s</td>",
                        cell[i][0] ? cell[i] : "\xe2\x80\x93");
    fputs("</tr>\n", self->out);
}

static void write_group(const sheet *self, const char *name)
{
    fprintf(self->out, "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"%zu\">%s</th></tr>\n",
            self->columns + 1, name);
}

/* manifest.section.key of every column; `section` NULL: manifest.key. */
static void write_values(const sheet *self, const char *section, const char *key, const char *name)
{
    char cell[SIDES_MAX][CELL_MAX];
    for (size_t i = 0; i < self->columns; i++) {
        const json_t *from = self->column[i].manifest;
        cell_text(self, cell[i],
                  json_object_get(section ? json_object_get(from, section) : from, key));
    }
    write_row(self, name, cell);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void write_result(const sheet *self)
{
    char engine[SIDES_MAX][CELL_MAX], items[SIDES_MAX][CELL_MAX], top_k[SIDES_MAX][CELL_MAX],
        pairs[SIDES_MAX][CELL_MAX];
    for (size_t i = 0; i < self->columns; i++) {
        const column *from = &self->column[i];
        snprintf(engine[i], CELL_MAX, "%s",
                 from->manifest ? kin_compare_engine(from->graph) : "stream, computed now");
        snprintf(items[i], CELL_MAX, "%s", kin_page_count(from->graph->n).text);
        snprintf(top_k[i], CELL_MAX, "%s", kin_page_count(from->graph->k).text);
        snprintf(pairs[i], CELL_MAX, "%s", kin_page_count(from->graph->pairs).text);
    }
    write_row(self, "engine", engine);
    write_row(self, "items", items);
    write_row(self, "neighbours per item", top_k);
    write_row(self, "pairs", pairs);
}

static const json_t *find_modality(const json_t *manifest, const char *name)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(manifest, "modalities"), i, entry)
    {
        const char *other = json_string_value(json_object_get(entry, "name"));
        if (other && strcmp(other, name) == 0)
            return entry;
    }
    return NULL;
}

/* "weight 0.6, 512 dimensions, float16, ea0b140d..." */
static void modality_text(char out[CELL_MAX], const json_t *modality)
{
    const char *type = json_string_value(json_object_get(modality, "dtype"));
    const char *hash = json_string_value(json_object_get(modality, "xxh3_128"));
    out[0] = '\0';
    if (modality)
        snprintf(out, CELL_MAX, "weight %g, %s, %s, fingerprint %.8s",
                 json_number_value(json_object_get(modality, "weight")),
                 kin_count((size_t)json_integer_value(json_object_get(modality, "dimensions")),
                           "dimension")
                     .text,
                 type ? type : "?", hash ? hash : "?");
}

/* The modalities of all columns, each once. */
static void write_modalities(const sheet *self)
{
    for (size_t i = 0; i < self->columns; i++)
        for (size_t m = 0; m < self->column[i].graph->modality_count; m++) {
            const char *name = self->column[i].graph->modality[m];
            char cell[SIDES_MAX][CELL_MAX];
            bool before = false;
            for (size_t j = 0; j < self->columns; j++) {
                const json_t *entry = find_modality(self->column[j].graph->manifest, name);
                before = before || (entry && j < i);
                modality_text(cell[j], entry);
            }
            if (!before)
                write_row(self, name, cell);
        }
}

/* Said above, in other words. */
static bool said(const char *option)
{
    return strcmp(option, "modality") == 0 || strcmp(option, "engine") == 0 ||
           strcmp(option, "top_k") == 0;
}

/* The options of all columns, each once. */
static void write_options(const sheet *self)
{
    write_group(self, "Options");
    for (size_t i = 0; i < self->columns; i++) {
        json_t *options = json_object_get(self->column[i].manifest, "options");
        const char *key;
        json_t *value;
        json_object_foreach(options, key, value)
        {
            bool before = said(key);
            for (size_t j = 0; j < i; j++)
                before = before ||
                         json_object_get(json_object_get(self->column[j].manifest, "options"), key);
            if (!before)
                write_values(self, "options", key, key);
        }
    }
}

static void write_run(const sheet *self)
{
    static const char *const key[][2] = {
        {"kin", "kin"},
        {"faiss", "FAISS"},
        {"blas", "BLAS"},
        {"blas_core", "BLAS core"},
        {"kernels", "kernels"},
        {"cpu", "processor"},
        {"threads", "threads"},
        {"started", "started"},
        {"seconds_total", "seconds in total"},
    };
    write_group(self, "Run");
    for (size_t i = 0; i < sizeof key / sizeof *key; i++)
        write_values(self, "run", key[i][0], key[i][1]);
}

/* What was left out of files that something else wrote. */
static void write_imported(const sheet *self)
{
    for (size_t i = 0; i < self->columns; i++) {
        const kin_import_report *report = &self->column[i].side->import;
        if (report->entries)
            kin_page_format(
                self->out,
                "<p class=\"says\">Of the %s in %s, these were left out: padding %s, the "
                "items themselves %s, repeated %s, pairs without a score %s.</p>\n",
                kin_page_counted(report->entries, "entry").text,
                kin_compare_graph_name(self->column[i].graph), kin_page_count(report->padding).text,
                kin_page_count(report->to_self).text, kin_page_count(report->repeated).text,
                kin_page_count(report->no_pair).text);
    }
}

static void write_heads(const sheet *self)
{
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"How the graphs were "
          "made\"><table class=\"setup\">\n"
          "<caption class=\"hush\">How the graphs were made</caption>\n<thead><tr><td></td>",
          self->out);
    for (size_t i = 0; i < self->columns; i++) {
        const column *from = &self->column[i];
        kin_page_format(self->out, "<th scope=\"col\" class=\"text\"><small>%s</small> %s</th>",
                        from->role,
                        from->manifest ? kin_compare_graph_name(from->graph) : "exact rows");
    }
    fputs("</tr></thead>\n<tbody>\n", self->out);
}

void kin_compare_page_setup(FILE *out, compare_page *page)
{
    const kin_comparison *c = page->compared;
    sheet self = {.page = page, .out = out};
    add_column(&self, &c->graph, "graph", false);
    add_column(&self, &c->other, "other graph", false);
    self.beside = self.columns;
    add_column(&self, &c->reference, "reference", c->computed);
    add_column(&self, &c->previous, "previous", false);
    self.beside = self.beside < self.columns ? self.beside : self.columns - 1;
    if (c->computed)
        kin_page_format(out,
                        "<p class=\"says\">The reference&rsquo;s rows are exact ones of %s "
                        "(seed %zu), computed by <code>stream</code> from the graph&rsquo;s own "
                        "vectors.</p>\n",
                        kin_page_counted(c->row_count, "random item").text, (size_t)c->seed);
    write_heads(&self);
    write_result(&self);
    write_modalities(&self);
    write_options(&self);
    write_run(&self);
    kin_part_table_end(out);
    write_imported(&self);
}
