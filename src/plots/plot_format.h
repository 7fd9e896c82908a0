/**
 * One story, many formats: each is a file plot_format_<name>.c with one writer, listed in
 * plot_format.c. Writers put text on a stream and leave its errors to whoever opened it.
 */
#ifndef PLOT_FORMAT_H
#define PLOT_FORMAT_H

#include "plot_story.h"

/** Errors: REEL_ENOMEM; what the stream refuses shows in ferror(out). */
typedef enum reel_status plot_format_writer(const struct reel_story *story, FILE *out,
                                            struct reel_error *err);

plot_format_writer plot_format_json_write;
plot_format_writer plot_format_twee_write;
plot_format_writer plot_format_dot_write;
plot_format_writer plot_format_svg_write;
plot_format_writer plot_format_html_write;

/* ---- shared by formats ---- */

/** A JSON string with its quotes; `for_script`: also safe inside an HTML script element. */
void plot_format_put_json(FILE *out, const char *text, bool for_script);
/** The shortest decimal that reads back as the same number; null for NAN. */
void plot_format_put_number(FILE *out, double value);
/** Text for XML and HTML, between tags and inside quotes; control characters are left out. */
void plot_format_put_xml(FILE *out, const char *text);

/** Lines of a text for a drawing: broken at blanks and between Chinese characters. */
struct plot_format_line {
    const char *rest; /* in: the text; moved on by every call */
    const char *text; /* out: the line */
    size_t n_bytes;
};
/** The next line of at most `width` em; false at the end. Widths are those of a sans serif. */
bool plot_format_line_next(struct plot_format_line *line, double width);
/** How many lines a text takes, but no more than n_max. */
int32_t plot_format_lines(const char *text, double width, int32_t n_max);

/** Pale, from orange (20 % and less) over white to green (80 % and more); white for NAN. */
struct plot_format_colour {
    char fill[8]; /* "#rrggbb" */
};
struct plot_format_colour plot_format_colour(double p_like);

/** A word in the language of the story. */
#define PLOT_SAY(story, en, zh) ((story)->language[0] == 'z' ? (zh) : (en))
const char *plot_format_provenance_label(const struct reel_story *story,
                                         enum reel_provenance provenance);
const char *plot_format_ending_label(const struct reel_story *story, const char *ending);

#endif
