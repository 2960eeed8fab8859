/*
 * Texts in memory that are whole or not there (declared in core/text.h).
 */
#include "core/text.h"
#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static int refuse(kin_text_buffer *self)
{
    free(self->text);
    *self = (kin_text_buffer){.refused = 1};
    return -1;
}

int kin_text_add(kin_text_buffer *self, const char *piece, size_t bytes)
{
    size_t wanted = kin_size_add(kin_size_add(self->bytes, bytes), 1);
    if (self->refused)
        return -1;
    if (wanted > PTRDIFF_MAX) /* no object is larger */
        return refuse(self);
    if (wanted > self->room) {
        size_t room = wanted > 2 * self->room ? wanted : 2 * self->room;
        char *larger = realloc(self->text, room);
        if (!larger)
            return refuse(self);
        self->text = larger;
        self->room = room;
    }
    memcpy(self->text + self->bytes, piece, bytes);
    self->bytes += bytes;
    self->text[self->bytes] = '\0';
    return 0;
}

/* ---- as a stream ----------------------------------------------------------------------------- */

typedef struct stream {
    kin_text_buffer buffer;
    char **text;
    size_t *bytes;
} stream;

static ssize_t write_piece(void *cookie, const char *piece, size_t bytes)
{
    stream *self = cookie;
    return kin_text_add(&self->buffer, piece, bytes) == 0 ? (ssize_t)bytes : 0;
}

static int close_stream(void *cookie)
{
    stream *self = cookie;
    int rc = kin_text_add(&self->buffer, "", 0);
    *self->text = self->buffer.text;
    *self->bytes = self->buffer.bytes;
    free(self);
    return rc;
}

FILE *kin_text_stream(char **text, size_t *bytes)
{
    *text = NULL;
    *bytes = 0;
    stream *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->text = text;
    self->bytes = bytes;
    FILE *out = fopencookie(self, "w",
                            (cookie_io_functions_t){.write = write_piece, .close = close_stream});
    if (!out)
        free(self);
    return out;
}
