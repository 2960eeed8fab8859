/*
 * report/page and report/part: every text that a format or a table is given is escaped, numbers are
 * written as printf writes them, and the places of a skeleton are filled.
 */
#include "core/text.h"
#include "report/part.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

typedef struct sheet {
    FILE *out;
    char *text;
    size_t bytes;
} sheet;

static int set_up(void **state)
{
    static sheet self;
    self = (sheet){0};
    self.out = kin_text_stream(&self.text, &self.bytes);
    assert_non_null(self.out);
    *state = &self;
    return 0;
}

static int tear_down(void **state)
{
    free(((sheet *)*state)->text);
    return 0;
}

static void assert_written(sheet *self, const char *wanted)
{
    assert_int_equal(fclose(self->out), 0);
    assert_string_equal(self->text, wanted);
}

static void test_format(void **state)
{
    sheet *self = *state;
    const kin_span title = {"<a>\xd7\x90 more", 5}; /* a letter that runs the other way */
    kin_page_format(self->out, "<p>%s & %.*s</p>", "\"<&>'\x1b", PAGE_SPAN(title));
    kin_page_format(self->out, "<b>%d %zu %.2f%% %g %c</b>", -3, (size_t)1 << 40, 12.345, 0.5, 'x');
    kin_page_format(self->out, "%s", "");
    assert_written(self,
                   "<p>&quot;&lt;&amp;&gt;&#39;\xef\xbf\xbd & <bdi>&lt;a&gt;\xd7\x90</bdi></p>"
                   "<b>-3 1099511627776 12.35% 0.5 x</b>");
}

static void write_twice(FILE *out, void *data)
{
    fprintf(out, "<i>%s</i>", (const char *)data);
}

static void test_places(void **state)
{
    static const page_place place[] = {{"text", NULL, "<&>"}, {"html", write_twice, NULL}};
    sheet *self = *state;
    kin_page_fill(self->out, "{{html}}<p title=\"{{text}}\">}{ {x} {{html}}</p>", place, 2,
                  (void *)"ok");
    assert_written(self, "<i>ok</i><p title=\"&lt;&amp;&gt;\">}{ {x} <i>ok</i></p>");
}

static void test_table(void **state)
{
    sheet *self = *state;
    kin_part_folded_begin(self->out, "A <b>", "<Name|Va<lue|");
    kin_part_row(self->out, "<i>", "1 & 2", kin_page_share(0.5).text, NULL);
    kin_part_row(self->out, "none", NULL);
    kin_part_folded_end(self->out);
    kin_part_fact(self->out, "Items", kin_page_count(1234567).text, "a < b");
    assert_written(self,
                   "<details><summary>A &lt;b&gt;</summary>\n"
                   "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"A &lt;b&gt;\">"
                   "<table>\n<caption class=\"hush\">A &lt;b&gt;</caption>\n<thead><tr>"
                   "<th scope=\"col\" class=\"text\">Name</th><th scope=\"col\">Va&lt;lue</th>"
                   "</tr></thead>\n<tbody>\n"
                   "<tr><th scope=\"row\">&lt;i&gt;</th><td>1 &amp; 2</td><td>0.5000</td></tr>\n"
                   "<tr><th scope=\"row\">none</th></tr>\n"
                   "</tbody></table></div>\n</details>\n"
                   "<div><dt>Items</dt><dd>1,234,567<small>a &lt; b</small></dd></div>\n");
}

static void test_interval_in_words(void **state)
{
    sheet *self = *state;
    kin_part_range_words(self->out, 0.25, 0.5, 0.75);
    kin_part_range_words(self->out, 0.5, 0.5, 0.5);
    kin_part_range_words(self->out, NAN, NAN, NAN);
    assert_written(self, "<td>0.2500 to 0.7500</td><td>every row</td><td>\xe2\x80\x93</td>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interval_in_words, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
