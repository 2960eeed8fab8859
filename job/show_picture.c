/*
 * Reads picture files (declared in job/show_picture.h).
 *
 * A table may name anything, and a page goes to others: what is embedded lies in the pictures'
 * folder, is a regular file, and begins as a picture does. The real path of a name is found first,
 * which may lead through links and ".."; what is below the folder is then opened part by part from
 * the folder's descriptor, following no link, so that nothing put there meanwhile leads out.
 */
#include "job/show_picture.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- where pictures are ---------------------------------------------------------------------- */

int kin_show_pictures_check(const char *folder, kin_error *err)
{
    int descriptor = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder && descriptor < 0)
        return kin_fail_errno(err, KIN_E_NOINPUT, "--pictures names the folder of the pictures",
                              "%s", folder);
    if (folder)
        close(descriptor);
    return 0;
}

int kin_show_pictures_init(show_pictures *self, const kin_graph *graph, const char *folder,
                           kin_error *err)
{
    const json_t *run = json_object_get(graph->manifest, "run");
    const char *source = json_string_value(json_object_get(run, "items_source"));
    const char *from = folder ? folder : source ? source : graph->directory;
    *self = (show_pictures){.graph = graph, .column = -1, .descriptor = -1};
    if (graph->items.lines.count)
        self->column = kin_table_column(&graph->items, "image");
    self->folder = realpath(from, NULL);
    self->descriptor = self->folder ? open(self->folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = folder && self->descriptor < 0 ? kin_show_pictures_check(folder, err) : 0;
    if (rc != 0)
        kin_show_pictures_release(self);
    return rc;
}

void kin_show_pictures_release(show_pictures *self)
{
    if (self->descriptor >= 0)
        close(self->descriptor);
    free(self->folder);
    *self = (show_pictures){.descriptor = -1};
}

/* The part of a real path that is below the folder; NULL where it is not. */
static const char *part_below(const show_pictures *self, const char *path)
{
    size_t length = strlen(self->folder);
    if (strcmp(self->folder, "/") == 0)
        return path + 1;
    return strncmp(path, self->folder, length) == 0 && path[length] == '/' ? path + length + 1
                                                                           : NULL;
}

/* Opens `below`, a path without links, dots and ends in "/", from the folder; edits it. -1: it
 * cannot be. */
static int open_parts(const show_pictures *self, char *below)
{
    int at = fcntl(self->descriptor, F_DUPFD_CLOEXEC, 0);
    char *rest, *part = strtok_r(below, "/", &rest);
    while (at >= 0 && part) {
        char *next = strtok_r(NULL, "/", &rest);
        int flags = next ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
        int deeper = openat(at, part, flags | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = deeper;
        part = next;
    }
    return at;
}

/* The descriptor of a picture's file, -1 where there is none to read. */
static int open_picture(show_pictures *self, kin_span name, bool *outside)
{
    char real[PATH_MAX];
    struct stat status;
    bool absolute = name.text[0] == '/';
    *outside = false;
    if (self->descriptor < 0)
        return -1;
    char *path = kin_text("%s%s%.*s", absolute ? "" : self->folder, absolute ? "" : "/",
                          (int)name.length, name.text);
    bool there = path && realpath(path, real);
    const char *below = there ? part_below(self, real) : NULL;
    self->no_memory = self->no_memory || !path || (!there && errno == ENOMEM);
    *outside = there && !below;
    int fd = below ? open_parts(self, real + (below - real)) : -1;
    free(path);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* ---- what is a picture ----------------------------------------------------------------------- */

static bool begins(const unsigned char *data, size_t bytes, const char *with, size_t length)
{
    return bytes >= length && memcmp(data, with, length) == 0;
}

/* Behind blanks, comments, declarations and a document type; `text` ends in NUL. */
static const char *skip_prolog(const char *text)
{
    static const char bom[] = "\xef\xbb\xbf";
    if (strncmp(text, bom, 3) == 0)
        text += 3;
    for (;;) {
        text += strspn(text, " \t\r\n");
        const char *end = strncmp(text, "<!--", 4) == 0 ? "-->"
                          : strncmp(text, "<?", 2) == 0 ? "?>"
                          : strncmp(text, "<!", 2) == 0 ? ">"
                                                        : NULL;
        if (!end)
            return text;
        const char *inner = strchr(text, '['), *close = strstr(text, end);
        if (end[0] == '>' && inner && close && inner < close) { /* of a document type */
            inner = strstr(inner, "]");
            close = inner ? strstr(inner, end) : NULL;
        }
        if (!close)
            return text;
        text = close + strlen(end);
    }
}

/* Whether the root element is <svg> or <svg:svg>. */
static bool is_svg(const char *text)
{
    const char *root = skip_prolog(text);
    const char *name = root + (strncmp(root, "<svg:", 5) == 0 ? 5 : 1);
    return root[0] == '<' && strncmp(name, "svg", 3) == 0 && name[3] &&
           strchr(" \t\r\n/>", name[3]);
}

/* The type by the first bytes, NULL where they are no picture's; `data` ends in NUL. */
static const char *type_of(const unsigned char *data, size_t bytes)
{
    if (begins(data, bytes, "\x89PNG\r\n\x1a\n", 8))
        return "image/png";
    if (begins(data, bytes, "\xff\xd8\xff", 3))
        return "image/jpeg";
    if (begins(data, bytes, "GIF87a", 6) || begins(data, bytes, "GIF89a", 6))
        return "image/gif";
    if (begins(data, bytes, "RIFF", 4) && bytes >= 12 && memcmp(data + 8, "WEBP", 4) == 0)
        return "image/webp";
    return is_svg((const char *)data) ? "image/svg+xml" : NULL;
}

static bool has_ending(kin_span name)
{
    static const char *const endings[] = {"png", "jpg", "jpeg", "gif", "webp", "svg"};
    const char *dot = name.length ? memrchr(name.text, '.', name.length) : NULL;
    size_t length = dot ? name.length - (size_t)(dot + 1 - name.text) : 0;
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (length == strlen(endings[i]) && strncasecmp(dot + 1, endings[i], length) == 0)
            return true;
    return false;
}

/* ---- reading ------------------------------------------------------------------------ */

/* The bytes of a small file and a NUL behind them, in new memory; NULL where it is empty, larger
 * than SHOW_PICTURE_MAX_BYTES or cannot be read. Not mapped: the file may shrink meanwhile. */
static unsigned char *read_small(show_pictures *self, int fd, size_t *bytes)
{
    unsigned char *data = kin_alloc(SHOW_PICTURE_MAX_BYTES + 1, 1);
    size_t used = 0;
    self->no_memory = self->no_memory || !data;
    while (data && used <= SHOW_PICTURE_MAX_BYTES) {
        ssize_t more = KIN_RETRY(read(fd, data + used, SHOW_PICTURE_MAX_BYTES + 1 - used));
        if (more < 0)
            used = SIZE_MAX;
        if (more <= 0)
            break;
        used += (size_t)more;
    }
    if (data && used > 0 && used <= SHOW_PICTURE_MAX_BYTES) {
        data[used] = '\0';
        *bytes = used;
        return data;
    }
    free(data);
    return NULL;
}

const char *kin_show_picture_read(show_pictures *self, size_t row, unsigned char **data,
                                  size_t *bytes)
{
    *data = NULL;
    if (self->column < 0)
        return NULL;
    kin_span name = kin_table_cell(&self->graph->items, row, self->column);
    if (name.length == 0)
        return NULL;
    bool outside = false;
    int fd = has_ending(name) ? open_picture(self, name, &outside) : -1;
    *data = fd >= 0 ? read_small(self, fd, bytes) : NULL;
    const char *type = *data ? type_of(*data, *bytes) : NULL;
    bool embed = type && self->bytes + *bytes <= SHOW_PICTURES_MAX_BYTES;
    if (fd >= 0)
        close(fd);
    self->bytes += embed ? *bytes : 0;
    self->embedded += embed;
    self->outside += outside;
    self->left_out += !embed && !outside;
    if (embed)
        return type;
    free(*data);
    *data = NULL;
    return NULL;
}
