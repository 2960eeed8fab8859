/*
 * Writing a graph (declared in core/graph.h): rows go into a log, and from there into files.
 *
 * The room of the files on the disk is taken first, and it is seen that the log has its own, so
 * that a disk too small is found out before the work and not in it.
 */
#include "core/graph_layout.h"
#include "core/memory.h"

#include <stdlib.h>
#include <sys/statvfs.h>

const char *const kin_row_order_names[] = {"score", "column", NULL};

struct kin_graph_writer {
    size_t n;
    kin_rowlog *log;
    graph_layout layout;
};

static kin_rowlog_options log_options(const kin_graph_writer_options *o)
{
    return (kin_rowlog_options){.n = o->n,
                                .k = o->k,
                                .catalog = o->catalog,
                                .directory = o->directory,
                                .memory_bytes = o->memory_bytes,
                                .by_column = o->order == KIN_ORDER_COLUMN};
}

kin_graph_writer_needs kin_graph_writer_plan(const kin_graph_writer_options *options)
{
    kin_rowlog_options log = log_options(options);
    size_t layout = kin_graph_layout_bytes(options, kin_rowlog_range_rows(&log));
    return (kin_graph_writer_needs){.memory_bytes = kin_size_add(kin_rowlog_bytes(&log), layout),
                                    .file_bytes = kin_graph_layout_file_bytes(options),
                                    .log_bytes = kin_rowlog_disk_bytes(&log)};
}

static int check_log_room(const kin_graph_writer_options *options, kin_error *err)
{
    struct statvfs disk;
    size_t needed = kin_graph_writer_plan(options).log_bytes;
    if (needed == 0 || statvfs(options->directory, &disk) != 0 || disk.f_blocks == 0)
        return 0; /* not known, or a tmpfs without a limit: then writing it will tell */
    size_t room = kin_size_mul(disk.f_bavail, disk.f_frsize);
    if (room >= needed)
        return 0;
    return kin_fail(err, KIN_E_IO, "make room, choose another --out, or raise --memory",
                    "%s/rows.log cannot be written: finished rows need some %zu bytes beside the "
                    "graph and the disk has %zu left: No space left on device",
                    options->directory, needed, room);
}

int kin_graph_writer_new(kin_graph_writer **out, const kin_graph_writer_options *options,
                         kin_error *err)
{
    kin_rowlog_options log = log_options(options);
    kin_graph_writer *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "graph writer", sizeof *self);
    self->n = options->n;
    int rc = kin_graph_layout_init(&self->layout, options, kin_rowlog_range_rows(&log), err);
    if (rc == 0)
        rc = check_log_room(options, err);
    if (rc == 0)
        rc = kin_rowlog_new(&self->log, &log, err);
    if (rc == 0)
        *out = self;
    else
        kin_graph_writer_free(self);
    return rc;
}

void kin_graph_writer_free(kin_graph_writer *self)
{
    if (!self)
        return;
    kin_rowlog_free(self->log);
    kin_graph_layout_release(&self->layout);
    free(self);
}

void kin_graph_writer_restart(kin_graph_writer *self)
{
    kin_rowlog_clear(self->log);
}

static int write_rows(void *writer, size_t first, const kin_rows *rows, kin_error *err)
{
    kin_graph_writer *self = writer;
    int rc = kin_rows_check(rows, err);
    return rc == 0 ? kin_rowlog_append(self->log, first, rows, err) : rc;
}

static int read_row(void *writer, size_t row, kin_rows *out, size_t slot, kin_error *err)
{
    kin_graph_writer *self = writer;
    return kin_rowlog_read(self->log, row, out, slot, err);
}

kin_row_sink kin_graph_writer_sink(kin_graph_writer *self)
{
    return (kin_row_sink){.self = self, .write = write_rows, .read = read_row};
}

int kin_graph_writer_finish(kin_graph_writer *self, kin_graph_totals *totals, kin_written *written,
                            kin_error *err)
{
    const uint32_t *length = kin_rowlog_lengths(self->log);
    *totals = (kin_graph_totals){0};
    for (size_t i = 0; i < self->n; i++) {
        if (length[i] == KIN_ROWLOG_NONE)
            return kin_fail(err, KIN_E_INTERNAL, "report this as a bug",
                            "row %zu of the graph was never written", i);
        totals->pairs += length[i];
        totals->items_with_neighbors += length[i] > 0;
    }
    return kin_graph_layout_write(&self->layout, self->log, written, err);
}
