/** What the benchmarks' programs say of their own memory. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Not ru_maxrss: that one remembers the process which started this one.
static inline double peak_mib(void)
{
    long kib = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    if (status) {
        (void)fclose(status);
    }
    return (double)kib / 1024;
}

#endif
