/**
 * Status names, error lines, log lines, and the progress bar.
 */
#define BASE_ERROR_HERE
#include "base_error.h"
#include "base_clock.h"
#include "base_log.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

const char *reel_status_text(enum reel_status status)
{
    switch (status) {
    case REEL_OK:
        return "done";
    case REEL_EFAIL:
        return "failed";
    case REEL_EINVAL:
        return "invalid argument";
    case REEL_ENOMEM:
        return "out of memory";
    case REEL_EIO:
        return "input or output failed";
    case REEL_EFORMAT:
        return "malformed input";
    case REEL_ENOTFOUND:
        return "not found";
    case REEL_EAMBIGUOUS:
        return "several fit";
    case REEL_ECANCELLED:
        return "stopped";
    case REEL_EBUSY:
        return "in use";
    case REEL_EVERSION:
        return "made by another version";
    }
    return "unknown status";
}

// One line only: line breaks and other control characters become blanks.
static void make_one_line(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = ' ';
        }
    }
}

enum reel_status fail(struct reel_error *err, enum reel_status code, const char *format,
                      ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        // Built apart, because an argument may be err->text itself.
        char text[sizeof err->text];
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        make_one_line(text);
        err->code = code;
        memcpy(err->text, text, sizeof text);
    }
    return code;
}

bool base_progress_report(const struct reel_progress *progress, const char *stage,
                          double done, double total)
{
    return !progress || !progress->report ||
           progress->report(stage, done, total, progress->payload);
}

static void (*log_sink)(enum reel_log_level, const char *, void *);
static void *log_payload;

void reel_log_set(void (*sink)(enum reel_log_level level, const char *line,
                               void *payload),
                  void *payload)
{
    log_sink = sink;
    log_payload = payload;
}

void base_log(enum reel_log_level level, const char *format, ...)
{
    if (!log_sink) {
        return;
    }
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    make_one_line(line);
    log_sink(level, line, log_payload);
}

void reel_progress_bar_init(struct reel_progress_bar *bar, FILE *out,
                            const volatile int *stop)
{
    *bar = (struct reel_progress_bar){
        .out = out,
        .stop = stop,
        .is_terminal = isatty(fileno(out)) == 1,
    };
}

void reel_progress_bar_clear(struct reel_progress_bar *bar)
{
    if (bar->is_drawn) {
        (void)fputs("\r\033[K", bar->out);
        (void)fflush(bar->out);
        bar->is_drawn = false;
    }
}

static void draw(struct reel_progress_bar *bar, double done, double total, int64_t now_ns,
                 const char *note)
{
    enum { WIDTH = 30 };
    const double seconds = (double)(now_ns - bar->begin_ns) * 1e-9;
    if (total > 0) {
        const double share = done < total ? done / total : 1;
        char line[WIDTH + 1];
        for (int i = 0; i < WIDTH; i++) {
            line[i] = i < (int)(share * WIDTH) ? '#' : '.';
        }
        line[WIDTH] = '\0';
        // Work that goes on where it broke off is as fast as what was done since.
        const double n_since = done - bar->first_done;
        const double left = share > 0.01 && n_since > 0 && done < total
                                ? seconds * (total - done) / n_since
                                : 0;
        (void)fprintf(bar->out, "\r\033[K%-16s [%s] %3.0f %%  %.0f s left", bar->stage,
                      line, 100 * share, left);
    } else {
        (void)fprintf(bar->out, "\r\033[K%-16s %.0f  %.0f s", bar->stage, done, seconds);
    }
    if (*note) {
        (void)fprintf(bar->out, "  %s", note);
    }
    (void)fflush(bar->out);
    bar->is_drawn = true;
}

static bool report(const char *stage, double done, double total, void *payload)
{
    struct reel_progress_bar *bar = payload;
    if (bar->stop && *bar->stop) {
        return false;
    }
    if (!bar->is_terminal) {
        return true;
    }
    const int64_t now_ns = base_clock_ns();
    char name[sizeof bar->stage];
    const size_t n_name = strcspn(stage, "\t");
    (void)snprintf(name, sizeof name, "%.*s", (int)n_name, stage);
    if (strcmp(name, bar->stage) != 0) {
        memcpy(bar->stage, name, sizeof name);
        bar->begin_ns = now_ns;
        bar->first_done = done;
        bar->last_ns = 0;
    }
    if (now_ns - bar->last_ns >= 100000000) {
        bar->last_ns = now_ns;
        draw(bar, done, total, now_ns, stage[n_name] ? stage + n_name + 1 : "");
    }
    return true;
}

struct reel_progress reel_progress_bar_callback(struct reel_progress_bar *bar)
{
    return (struct reel_progress){.report = report, .payload = bar};
}
