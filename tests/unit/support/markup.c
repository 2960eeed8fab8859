/*
 * A walk over the tags of a page (declared in support/markup.h). It knows as much of HTML as kin's
 * pages use: quoted attributes, no comments, and text in which every '<' begins a tag.
 */
#include "markup.h"
#include "test.h"

#include <ctype.h>

enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 24 };

typedef struct walk {
    const char *page, *at;
    char open[DEPTH_MAX][NAME_MAX_BYTES];
    size_t depth, drawings;
} walk;

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

static void read_name(walk *w, char out[NAME_MAX_BYTES])
{
    size_t length = strcspn(w->at, " \t\n=>/\"");
    assert_true(length > 0 && length < NAME_MAX_BYTES);
    snprintf(out, NAME_MAX_BYTES, "%.*s", (int)length, w->at);
    w->at += length;
}

/* name="value": nothing runs, nothing is fetched, and what is pointed at is there. */
static void read_attribute(walk *w, bool *image)
{
    char name[NAME_MAX_BYTES], target[64];
    read_name(w, name);
    if (strncmp(name, "on", 2) == 0)
        fail_msg("an attribute %s", name);
    if (*w->at != '=')
        return;
    assert_int_equal(w->at[1], '"');
    const char *value = w->at + 2;
    size_t length = strcspn(value, "\"");
    assert_int_equal(value[length], '"');
    assert_null(memchr(value, '<', length));
    if (strcmp(name, "src") == 0)
        assert_memory_equal(value, "data:image/", 11);
    if (strcmp(name, "href") == 0 && value[0] == '#') {
        snprintf(target, sizeof target, "id=\"%.*s\"", (int)length - 1, value + 1);
        assert_non_null(strstr(w->page, target));
    } else if (strcmp(name, "href") == 0) {
        assert_memory_equal(value, "data:", 5);
    }
    *image = *image || (strcmp(name, "role") == 0 && strncmp(value, "img\"", 4) == 0);
    w->at = value + length + 1;
}

/* From behind the '<'. */
static void read_tag(walk *w)
{
    static const char *const empty[] = {"meta", "link", "img", "br", NULL};
    char name[NAME_MAX_BYTES];
    bool image = false, closing = *w->at == '/';
    w->at += closing;
    if (!isalpha((unsigned char)*w->at))
        fail_msg("a stray < before %.20s", w->at);
    read_name(w, name);
    assert_string_not_equal(name, "script");
    while (*(w->at += strspn(w->at, " \t\n")) != '>' && *w->at != '/')
        read_attribute(w, &image);
    bool closed = *w->at == '/';
    w->at += closed;
    assert_int_equal(*w->at, '>');
    if (closing) {
        if (w->depth == 0 || strcmp(w->open[w->depth - 1], name) != 0)
            fail_msg("</%s> closes <%s>", name, w->depth ? w->open[w->depth - 1] : "nothing");
        w->depth--;
    } else if (!closed && !is_one_of(name, empty)) {
        assert_true(w->depth < DEPTH_MAX);
        strcpy(w->open[w->depth++], name);
    }
    if (strcmp(name, "svg") == 0 && !closing) { /* says what it shows */
        w->drawings++;
        assert_true(image);
        assert_int_equal(strncmp(w->at + 1 + strspn(w->at + 1, "\n"), "<title", 6), 0);
    }
}

size_t test_markup(const char *page)
{
    static const char start[] = "<!DOCTYPE html>\n";
    walk w = {.page = page, .at = page + sizeof start - 1};
    assert_memory_equal(page, start, sizeof start - 1);
    while ((w.at = strchr(w.at, '<')) != NULL) {
        w.at++;
        read_tag(&w);
    }
    assert_int_equal(w.depth, 0);
    return w.drawings;
}
