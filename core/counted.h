#ifndef KIN_CORE_COUNTED_H
#define KIN_CORE_COUNTED_H
/*
 * Counts in sentences: "1 item", "2 items", "0 queries".
 */
#include <stddef.h>

enum { KIN_COUNTED_MAX = 80 };

/* A text by value, so that several fit into one call of printf. */
typedef struct kin_counted {
    char text[KIN_COUNTED_MAX];
} kin_counted;

/* `noun`, in the singular and of at most 40 bytes, may have words before it: "short row". Nouns are
 * regular: "query", "queries". */
kin_counted kin_count(size_t count, const char *noun);

/* The noun alone, for counts that are written otherwise. */
kin_counted kin_noun(size_t count, const char *noun);

#endif
