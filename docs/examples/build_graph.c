/* From C: the graph of text.npy and image.npy, in the folder `graph`. */
#include "job/build.h"
#include <stdio.h>

static void progress(void *self, size_t done, size_t total)
{
    fprintf(self, "%zu of %zu items\n", done, total);
}

int main(void)
{
    kin_source source[] = {{.name = "text", .path = "text.npy", .weight = 0.6},
                           {.name = "image", .path = "image.npy", .weight = 0.4}};
    kin_catalog_options catalog = {.source = source, .source_count = 2};
    kin_build_options options = KIN_BUILD_OPTIONS_INIT;
    kin_monitor monitor = {.self = stdout, .progress = progress};
    kin_error err = {0};
    options.out = "graph";
    if (kin_build_run(&catalog, &options, &monitor, NULL, &err) != 0)
        fprintf(stderr, "%s\nhint: %s\n", err.message, err.hint);
    return -err.code;
}
