#include "core/memory.h"
#include "core/cgroup.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

size_t kin_size_mul(size_t a, size_t b)
{
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

size_t kin_size_add(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

void kin_memory_plan_add(kin_memory_plan *self, const char *what, size_t count, size_t item_bytes)
{
    size_t bytes = kin_size_mul(count, item_bytes);
    self->total_bytes = kin_size_add(self->total_bytes, bytes);
    if (self->count < KIN_MEMORY_PLAN_MAX) {
        self->part[self->count].what = what;
        self->part[self->count].bytes = bytes;
        self->count++;
    }
}

int kin_memory_plan_check(const kin_memory_plan *self, size_t limit_bytes, kin_error *err)
{
    size_t available = kin_memory_available();
    size_t limit = limit_bytes ? limit_bytes : available;
    if (self->total_bytes <= limit && self->total_bytes <= available)
        return 0;

    size_t largest = 0;
    for (size_t i = 1; i < self->count; i++)
        if (self->part[i].bytes > self->part[largest].bytes)
            largest = i;
    bool machine = self->total_bytes <= limit;
    char hint[128];
    snprintf(hint, sizeof hint, "%s%s%s",
             machine ? "free memory on this machine or in its cgroup" : "raise --memory",
             self->hint ? ", or lower " : "", self->hint ? self->hint : "");
    return kin_fail(err, KIN_E_MEMORY, hint,
                    "needs %.1f MiB, %s %.1f MiB; the largest part is %s with %.1f MiB",
                    (double)self->total_bytes / 0x1p20,
                    machine       ? "this machine has left"
                    : limit_bytes ? "--memory allows"
                                  : "this machine has left",
                    (double)(machine ? available : limit) / 0x1p20, self->part[largest].what,
                    (double)self->part[largest].bytes / 0x1p20);
}

/* The number behind `key` in a file of "key value unit" lines, in units of the file; 0 if
 * absent. */
static size_t read_field(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    char line[256];
    size_t value = 0;
    size_t length = strlen(key);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, length) == 0) {
            value = strtoull(line + length, NULL, 10);
            break;
        }
    fclose(file);
    return value;
}

size_t kin_memory_available(void)
{
    size_t available = read_field("/proc/meminfo", "MemAvailable:") * 1024;
    if (available == 0)
        available = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    size_t left = kin_cgroup_memory_left();
    return left < available ? left : available;
}

size_t kin_memory_resident(void)
{
    return read_field("/proc/self/status", "RssAnon:") * 1024;
}

size_t kin_memory_peak_rss(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (size_t)usage.ru_maxrss * 1024;
}

void kin_memory_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static const size_t huge_page_bytes = (size_t)2 << 20, huge_from_bytes = (size_t)16 << 20;

void *kin_alloc(size_t count, size_t item_bytes)
{
    size_t bytes = kin_size_mul(count, item_bytes);
    if (bytes > SIZE_MAX - 64)
        return NULL;
    bytes = (bytes + 63) / 64 * 64;
    if (bytes < huge_from_bytes)
        return aligned_alloc(64, bytes ? bytes : 64);
    void *memory = aligned_alloc(huge_page_bytes, kin_size_add(bytes, huge_page_bytes - 1) /
                                                      huge_page_bytes * huge_page_bytes);
    if (memory)
        madvise(memory, bytes, MADV_HUGEPAGE); /* advice: fewer faults and translations */
    return memory;
}

void *kin_alloc_zero(size_t count, size_t item_bytes)
{
    void *memory = kin_alloc(count, item_bytes);
    if (memory)
        memset(memory, 0, count * item_bytes);
    return memory;
}
