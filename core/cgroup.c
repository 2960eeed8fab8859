/*
 * /proc/self/cgroup says where this process stands: "0::/PATH" in version 2, "N:memory:/PATH" and
 * "N:cpu,cpuacct:/PATH" in version 1. The files of PATH and of every folder above it, up to the
 * root of the mount, are asked, and the tightest answer counts. Inside a container PATH may name
 * folders that are not mounted here; those are passed over.
 */
#include "core/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A group's folder, cut shorter step by step. */
typedef struct group {
    char path[PATH_MAX];
    size_t root; /* length of the mount's own path */
    bool v2;
} group;

/* Whether `controller` is one of the comma-separated names in `list`. */
static bool lists(const char *list, const char *controller)
{
    size_t length = strlen(controller);
    for (const char *at = list; (at = strstr(at, controller)) != NULL; at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* Finds the group of this process that `controller` ("memory", "cpu") limits. */
static bool find_group(group *self, const char *controller)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];
    bool found = false;
    while (file && fgets(line, sizeof line, file)) {
        char *list = strchr(line, ':');
        char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        list++;
        path[strcspn(path, "\n")] = '\0';
        bool v2 = *list == '\0';
        if (!v2 && !lists(list, controller))
            continue;
        int root = snprintf(self->path, sizeof self->path, "/sys/fs/cgroup%s%s", v2 ? "" : "/",
                            v2 ? "" : controller);
        snprintf(self->path + root, sizeof self->path - (size_t)root, "%s",
                 strcmp(path, "/") == 0 ? "" : path);
        self->root = (size_t)root;
        self->v2 = v2;
        found = true;
        if (!v2)
            break; /* where both are mounted, version 1 has the controller */
    }
    if (file)
        fclose(file);
    return found;
}

/* Goes to the group above; false at the root. */
static bool ascend(group *self)
{
    char *slash = strrchr(self->path + self->root, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

/* The number behind `key` at a line's start in a file of the group; `fallback` where there is none
 * ("max" is none). */
static size_t read_number(const group *self, const char *name, const char *key, size_t fallback)
{
    char path[PATH_MAX + 64];
    char line[256];
    snprintf(path, sizeof path, "%s/%s", self->path, name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        char *end;
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        unsigned long long value = strtoull(line + strlen(key), &end, 10);
        if (end > line + strlen(key))
            fallback = value;
        break;
    }
    if (file)
        fclose(file);
    return fallback;
}

/* A group's own limit; version 1 says "none" with a number near 2^63. */
static size_t memory_limit(const group *at)
{
    size_t limit = read_number(at, at->v2 ? "memory.max" : "memory.limit_in_bytes", "", SIZE_MAX);
    return limit > SIZE_MAX / 4 ? SIZE_MAX : limit;
}

size_t kin_cgroup_memory_limit(void)
{
    group at;
    size_t least = SIZE_MAX;
    if (!find_group(&at, "memory"))
        return 0;
    do {
        size_t limit = memory_limit(&at);
        least = limit < least ? limit : least;
    } while (ascend(&at));
    return least == SIZE_MAX ? 0 : least;
}

static size_t memory_left(const group *at)
{
    size_t limit = memory_limit(at);
    if (limit == SIZE_MAX)
        return SIZE_MAX;
    size_t used = read_number(at, at->v2 ? "memory.current" : "memory.usage_in_bytes", "", 0);
    size_t cache =
        read_number(at, "memory.stat", at->v2 ? "inactive_file " : "total_inactive_file ", 0) +
        read_number(at, "memory.stat", at->v2 ? "active_file " : "total_active_file ", 0);
    used = used > cache ? used - cache : 0;
    return used < limit ? limit - used : 0;
}

size_t kin_cgroup_memory_left(void)
{
    group at;
    size_t least = SIZE_MAX;
    if (!find_group(&at, "memory"))
        return SIZE_MAX;
    do {
        size_t left = memory_left(&at);
        least = left < least ? left : least;
    } while (ascend(&at));
    return least;
}

/* A group's quota in CPUs, rounded up; INT_MAX for none. */
static int cpus(const group *at)
{
    char path[PATH_MAX + 64];
    double quota = 0;
    double period = 0;
    if (at->v2) {
        snprintf(path, sizeof path, "%s/cpu.max", at->path);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%lf %lf", &quota, &period) != 2)
            quota = 0;
        if (file)
            fclose(file);
    } else {
        quota = (double)read_number(at, "cpu.cfs_quota_us", "", 0);
        period = (double)read_number(at, "cpu.cfs_period_us", "", 0);
    }
    /* version 1 writes "no quota" as -1, which reads as a huge number */
    if (quota <= 0 || period <= 0 || quota / period > INT_MAX / 2)
        return INT_MAX;
    int whole = (int)(quota / period);
    return whole + (quota > whole * period);
}

int kin_cgroup_cpus(void)
{
    group at;
    int least = INT_MAX;
    if (!find_group(&at, "cpu"))
        return 0;
    do {
        int here = cpus(&at);
        least = here < least ? here : least;
    } while (ascend(&at));
    return least == INT_MAX ? 0 : least;
}
