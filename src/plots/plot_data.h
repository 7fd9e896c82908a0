/** The files of data/ that are inside the program: events.json, prompts. Made by CMake. */
#ifndef PLOT_DATA_H
#define PLOT_DATA_H

#include <stddef.h>

struct plot_data_file {
    const char *name; /* "events.json", "prompts/en.json" */
    const char *text; /* ends with NUL, which n_bytes does not count */
    size_t n_bytes;
};

/** Ends with a record whose name is NULL. */
extern const struct plot_data_file plot_data_files[];

#endif
