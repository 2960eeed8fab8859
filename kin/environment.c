/*
 * The environment that the library sees, in the place of the host's: one variable of its own.
 *
 * OpenBLAS takes its type of CPU from OPENBLAS_CORETYPE alone (core/blas_type.c), its counts of
 * threads from others, and prints if one more is set. In a host other threads read the environment
 * meanwhile, and what is set there is not meant for kin. The linker leads all calls of these
 * functions inside of libkin here (--wrap): what is linked in finds nothing but what kin says.
 */
#include <stdio.h>
#include <string.h>

/* jansson asks whether a stream is this one: the library has no standard input. */
#undef stdin
__attribute__((visibility("hidden"))) FILE *stdin = NULL;

char *__wrap_getenv(const char *name);
char *__wrap_secure_getenv(const char *name);
int __wrap_setenv(const char *name, const char *text, int replace);
int __wrap_unsetenv(const char *name);

static char variable[32], value[32];

char *__wrap_getenv(const char *name)
{
    return *variable && strcmp(name, variable) == 0 ? value : NULL;
}

char *__wrap_secure_getenv(const char *name)
{
    return __wrap_getenv(name);
}

/* Of one variable at a time, while one thread is in it (kin/turn.c). */
int __wrap_setenv(const char *name, const char *text, int replace)
{
    (void)replace;
    snprintf(variable, sizeof variable, "%s", name);
    snprintf(value, sizeof value, "%s", text);
    return 0;
}

int __wrap_unsetenv(const char *name)
{
    (void)name;
    *variable = '\0';
    return 0;
}
