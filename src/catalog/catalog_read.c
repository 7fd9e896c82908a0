/**
 * The registry of formats and the one public way to read; see catalog_read.h. Values in
 * text are catalog_value.c's.
 */
#include "catalog_read.h"

#include "base_clock.h"

#include <stdarg.h>
#include <string.h>

enum { ROW_MAX_BYTES = 64 << 20 };

#define FORMAT_RECORD(id, called, text, needs) \
    {.name = called, .summary = text, .needs_viewer = needs},
static const struct reel_format format[] = {CATALOG_FORMATS(FORMAT_RECORD)};
#undef FORMAT_RECORD

#define FORMAT_CALL(id, called, text, needs) catalog_##id##_read,
static catalog_read_call *const format_read[] = {CATALOG_FORMATS(FORMAT_CALL)};
#undef FORMAT_CALL

enum { N_FORMATS = sizeof format / sizeof format[0] };

const struct reel_format *reel_catalog_formats(int32_t *n)
{
    *n = N_FORMATS;
    return format;
}

struct reel_read_options reel_read_options_default(void)
{
    return (struct reel_read_options){
        .source = "csv",
        .max_line_bytes = 16 << 20,
        .max_member_bytes = (int64_t)64 << 30,
        .max_ratio = 200,
    };
}

static enum reel_status find_format(const char *name, const struct reel_read_options *opt,
                                    int *i_format, struct reel_error *err)
{
    char known[256] = "";
    for (int i = 0; i < N_FORMATS; i++) {
        if (strcmp(format[i].name, name) == 0) {
            *i_format = i;
            if (format[i].needs_viewer && (!opt->viewer || !opt->viewer[0])) {
                return fail(err, REEL_EINVAL,
                            "%s: a personal export; whose is it? name the viewer", name);
            }
            return REEL_OK;
        }
        const size_t n = strlen(known);
        (void)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "",
                       format[i].name);
    }
    return fail(err, REEL_EINVAL, "no format \"%s\"; there are %s", name, known);
}

static enum reel_status check_options(const struct reel_read_options *opt,
                                      struct reel_error *err)
{
    if (opt->max_line_bytes < 1 || opt->max_member_bytes < 1 || !(opt->max_ratio >= 1)) {
        return fail(err, REEL_EINVAL, "limits of reading: %lld, %lld, %g",
                    (long long)opt->max_line_bytes, (long long)opt->max_member_bytes,
                    opt->max_ratio);
    }
    if (!opt->source || !opt->source[0]) {
        return fail(err, REEL_EINVAL, "the source has no name");
    }
    return REEL_OK;
}

static enum reel_status read_source(int i_format, struct catalog_source *source,
                                    const struct reel_read_options *opt,
                                    const struct reel_sink *sink, struct reel_error *err)
{
    struct catalog_reader r = {
        .source = source,
        .opt = opt,
        .sink = sink,
        .where = {.file = catalog_source_path(source)},
        .now_s = base_clock_now_s(),
    };
    base_arena_init(&r.row, ROW_MAX_BYTES);
    const enum reel_status rc = format_read[i_format](&r, err);
    base_arena_release(&r.row);
    return rc;
}

enum reel_status catalog_read_source(const char *name, struct catalog_source *source,
                                     const struct reel_read_options *opt,
                                     const struct reel_sink *sink, struct reel_error *err)
{
    int i_format;
    enum reel_status rc = check_options(opt, err);
    rc = rc ? rc : find_format(name, opt, &i_format, err);
    return rc ? rc : read_source(i_format, source, opt, sink, err);
}

enum reel_status reel_catalog_read(const char *name, const char *path,
                                   const struct reel_read_options *opt,
                                   const struct reel_sink *sink, struct reel_error *err)
{
    struct catalog_source *source;
    int i_format;
    enum reel_status rc = check_options(opt, err);
    rc = rc ? rc : find_format(name, opt, &i_format, err);
    rc = rc ? rc : catalog_source_open(path, opt, &source, err);
    if (rc == REEL_OK) {
        rc = read_source(i_format, source, opt, sink, err);
        catalog_source_close(source);
    }
    return rc;
}

// ---- handing on ----

struct reel_film catalog_film_blank(void)
{
    return (struct reel_film){.popularity = NAN, .vote_mean = NAN};
}

struct reel_event catalog_event_blank(void)
{
    return (struct reel_event){.value = NAN, .at_s = REEL_TIME_UNKNOWN};
}

enum reel_status catalog_trait(struct catalog_reader *r, const char *viewer,
                               const char *name, const char *value,
                               struct reel_error *err)
{
    const struct reel_trait trait = {.viewer = viewer, .name = name, .value = value};
    return r->sink->trait(&trait, &r->where, r->sink->payload, err);
}

enum reel_status catalog_triple(struct catalog_reader *r, const char *head,
                                const char *relation, const char *tail,
                                struct reel_error *err)
{
    const struct reel_triple triple = {.head = head, .relation = relation, .tail = tail};
    return r->sink->triple(&triple, &r->where, r->sink->payload, err);
}

enum reel_status catalog_refuse(struct catalog_reader *r, struct reel_error *err,
                                const char *format_text, ...)
{
    char reason[256];
    va_list args;
    va_start(args, format_text);
    (void)vsnprintf(reason, sizeof reason, format_text, args);
    va_end(args);
    return r->sink->refused(&r->where, reason, r->sink->payload, err);
}

enum reel_status catalog_fail(const struct catalog_reader *r, struct reel_error *err,
                              const char *format_text, ...)
{
    char what[400];
    va_list args;
    va_start(args, format_text);
    (void)vsnprintf(what, sizeof what, format_text, args);
    va_end(args);
    if (r->where.line > 0) {
        return fail(err, REEL_EFORMAT, "%s:%lld: %s", r->where.file,
                    (long long)r->where.line, what);
    }
    return fail(err, REEL_EFORMAT, "%s: %s", r->where.file, what);
}
