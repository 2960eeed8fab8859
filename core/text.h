#ifndef KIN_CORE_TEXT_H
#define KIN_CORE_TEXT_H
/*
 * Texts that are written piece by piece into memory.
 */
#include <stddef.h>
#include <stdio.h>

/* open_memstream(3) that remembers: glibc's leaves out in silence what memory was refused for.
 * fclose returns 0 with the whole in *text (free) and its length in *bytes, or EOF with NULL in
 * *text. Until then neither says anything. NULL when memory is refused. */
FILE *kin_text_stream(char **text, size_t *bytes);

/* Bytes that grow. Zeroed: empty. */
typedef struct kin_text_buffer {
    char *text; /* [bytes] and a NUL; NULL while empty, and once memory was refused; owned (free) */
    size_t bytes, room;
    int refused; /* memory was refused: nothing is taken any more */
} kin_text_buffer;

/* Adds a piece. 0, or -1 once memory was refused. */
int kin_text_add(kin_text_buffer *self, const char *piece, size_t bytes);

#endif
