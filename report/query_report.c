/*
 * Answers of kin query (declared in report/query_report.h): tab-separated lines, and JSON.
 */
#include "report/query_report.h"
#include "core/json.h"
#include "core/plain.h"

#include <math.h>
#include <string.h>

void kin_answer_print_header(const kin_answer *self, FILE *out)
{
    fputs("query\trank\tid\tscore", out);
    for (size_t m = 0; m < self->modality_count; m++)
        fprintf(out, "\t%s", kin_plain(self->modality[m]).text);
    putc('\n', out);
}

void kin_answer_print(const kin_answer *self, FILE *out)
{
    for (size_t i = 0; i < self->rows->filled[0]; i++) {
        kin_span id = kin_lines_at(self->ids, (size_t)self->rows->neighbor[i]);
        kin_plain_write(out, (kin_span){self->label, strlen(self->label)});
        fprintf(out, "\t%zu\t", i + 1);
        kin_plain_write(out, id);
        fprintf(out, "\t%.6f", (double)self->rows->score[i]);
        for (size_t m = 0; m < self->modality_count; m++) {
            if (isnan(self->rows->cosine[m][i]))
                fputs("\t-", out);
            else
                fprintf(out, "\t%.*f", self->cosine_digits, (double)self->rows->cosine[m][i]);
        }
        putc('\n', out);
    }
}

json_t *kin_answer_json(const kin_answer *self)
{
    json_t *neighbors = json_array();
    for (size_t i = 0; i < self->rows->filled[0]; i++) {
        kin_span id = kin_lines_at(self->ids, (size_t)self->rows->neighbor[i]);
        json_t *cosine = json_object();
        for (size_t m = 0; m < self->modality_count; m++) {
            double value = (double)self->rows->cosine[m][i];
            kin_json_set(&cosine, self->modality[m], kin_json_real(value));
        }
        kin_json_append(&neighbors, json_pack("{s:s%, s:i, s:f, s:o}", "id", id.text, id.length,
                                              "row", (int)self->rows->neighbor[i], "score",
                                              (double)self->rows->score[i], "cosine", cosine));
    }
    return json_pack("{s:s, s:o}", "query", self->label, "neighbors", neighbors);
}
