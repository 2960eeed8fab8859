#include "tools/outputs.h"
#include "core/file.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "tools/console.h"
#include "tools/signals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The folder that a path lies in. */
static bool stat_parent(struct stat *status, const char *path)
{
    char *parent = kin_path_parent(path);
    bool there = parent && stat(parent, status) == 0;
    free(parent);
    return there;
}

/* The same name in the same folder, whether there is a file or not. */
static bool same_file(const char *a, const char *b)
{
    struct stat in_a, in_b;
    return strcmp(kin_path_base(a), kin_path_base(b)) == 0 && stat_parent(&in_a, a) &&
           stat_parent(&in_b, b) && in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino;
}

/* The same file, by whatever names. */
static bool same_inode(const char *a, const char *b)
{
    struct stat in_a, in_b;
    return stat(a, &in_a) == 0 && stat(b, &in_b) == 0 && S_ISREG(in_a.st_mode) &&
           in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino;
}

/* A pipe or a device is written to when the time has come; it is no use to open it before. */
static bool is_stream(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

static int check_names(const outputs *self, kin_error *err)
{
    const char *path[] = {self->json, self->out, self->prom};
    static const char *const name[] = {"json", "out", "prom"};
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        if (i > 0 && path[i] && strcmp(path[i], "-") == 0)
            return kin_fail(err, KIN_E_USAGE, "name a file; only --json - is standard output",
                            "--%s -: is written to a file", name[i]);
        for (size_t j = 0; j < i; j++)
            if (path[i] && path[j] && same_file(path[i], path[j]))
                return kin_fail(err, KIN_E_USAGE, "give each a file of its own",
                                "--%s and --%s are the same file, %s", name[j], name[i], path[i]);
        for (size_t j = 0; j < OUTPUTS_INPUTS; j++)
            if (path[i] && self->input[j] && same_inode(path[i], self->input[j]))
                return kin_fail(err, KIN_E_USAGE, "give the output a file of its own",
                                "--%s %s is a file that is read", name[i], path[i]);
    }
    return 0;
}

int outputs_check(const outputs *self, kin_error *err)
{
    bool held = signals_hold(); /* a folder is made to see whether a place can be written */
    int rc = check_names(self, err);
    if (rc == 0 && self->json && strcmp(self->json, "-") != 0 && !is_stream(self->json))
        rc = kin_outfile_check(self->json, true, err);
    if (rc == 0 && self->out)
        rc = kin_outfile_check(self->out, self->force, err);
    if (rc == 0 && self->prom)
        rc = kin_outfile_check(self->prom, true, err);
    return signals_unhold(held, rc);
}
