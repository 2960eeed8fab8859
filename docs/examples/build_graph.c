/* A graph of two files of vectors, from C: cc build_graph.c $(pkg-config --cflags --libs kin) */
#include "core/graph.h"
#include "exact/stream.h"
#include <stdio.h>
#include <sys/stat.h>

static void progress(void *self, size_t done, size_t total)
{
    fprintf(self, "%zu of %zu items\n", done, total);
}

int main(int argc, char **argv)
{
    kin_error err = {0};
    kin_source source[2] = {0};
    kin_catalog catalog;
    kin_graph_writer *writer = NULL;
    kin_stream_options options = KIN_STREAM_OPTIONS_INIT;
    options.top_k = 10;
    kin_monitor monitor = {.self = stdout, .progress = progress};
    if (argc != 4 || kin_source_parse(&source[0], argv[1], &err) ||
        kin_source_parse(&source[1], argv[2], &err) ||
        kin_catalog_open(&catalog, &(kin_catalog_options){.source = source, .source_count = 2},
                         &err) ||
        mkdir(argv[3], 0777) ||
        kin_graph_writer_new(&writer, argv[3], catalog.n, options.top_k, &catalog, KIN_ORDER_SCORE,
                             &err) ||
        kin_stream_run(&catalog, NULL, &options, kin_graph_writer_sink(writer), &monitor, &err) ||
        kin_graph_writer_finish(writer, &(kin_graph_totals){0}, &err)) {
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
        return 1;
    }
    return 0;
}
