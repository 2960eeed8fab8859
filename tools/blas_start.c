#include "tools/blas_start.h"
#include "core/threads.h"
#include "tools/console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the user set, NULL where it is not set or empty. */
static const char *forced_type(void)
{
    const char *type = getenv("OPENBLAS_CORETYPE");
    return type && *type ? type : NULL;
}

kin_blas_type blas_start(void)
{
    return forced_type() ? kin_blas_type_look() : kin_blas_type_mend();
}

/* "OpenBLAS 0.3.21": the first two words of its configuration. */
static void name_and_version(char *out, size_t bytes)
{
    const char *config = kin_blas_config();
    size_t length = strcspn(config, " ");
    length += config[length] ? 1 + strcspn(config + length + 1, " ") : 0;
    snprintf(out, bytes, "%.*s", (int)length, config);
}

bool blas_start_tell(kin_blas_type type, char *text, size_t bytes)
{
    char library[64];
    if (type.fit == KIN_BLAS_FITS)
        return false;
    name_and_version(library, sizeof library);
    if (type.fit == KIN_BLAS_MENDED)
        snprintf(text, bytes,
                 "%s does not know this CPU (took it for %s): kin uses its kernels for %s", library,
                 type.own, kin_blas_core());
    else if (forced_type())
        snprintf(
            text, bytes,
            "OPENBLAS_CORETYPE=%.32s is set: %s runs its kernels for %s, this CPU can run those "
            "for %s",
            forced_type(), library, type.own, type.fitting);
    else
        snprintf(text, bytes,
                 "%s does not know this CPU (took it for %s) and has no working kernels for %s: "
                 "products are slow, a newer OpenBLAS may know it",
                 library, type.own, type.fitting);
    return true;
}

void blas_start_log(kin_blas_type type)
{
    char text[256];
    if (forced_type() || !blas_start_tell(type, text, sizeof text))
        return;
    if (type.fit == KIN_BLAS_MENDED)
        console_info("%s", text);
    else
        console_warn("%s", text);
}
