/**
 * Times of the text pipe, for bench/text.py.
 *
 *   bench_text steps FILE     each step on what the step before it made of the file
 *   bench_text chain FILE N   the file N times through all steps, a block at a time
 *   bench_text icu FILE       the same file by ICU alone: NFKC_Casefold and its word breaks
 *
 * Prints one JSON object; seconds are those of the processor. Memory is the peak of the process.
 */
#include "base_buffer.h"
#include "bench_memory.h"

#include <forkreel/text.h>

#include <time.h>
#include <unicode/ubrk.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

static struct reel_error err;

static void check(bool is_so, const char *text)
{
    if (!is_so) {
        (void)fprintf(stderr, "bench_text: %s\n", text);
        exit(1);
    }
}

static double processor_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    check(file != NULL, path);
    return file;
}

static void read_file(const char *path, struct base_buffer *out)
{
    static char bytes[1 << 16];
    FILE *file = open_file(path);
    base_buffer_init(out, SIZE_MAX / 4);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        check(base_buffer_add(out, bytes, n), "memory");
    }
    (void)fclose(file);
}

static enum reel_status keep(const char *bytes, size_t n, void *payload,
                             struct reel_error *error)
{
    (void)error;
    return base_buffer_add(payload, bytes, n) ? REEL_OK : REEL_ENOMEM;
}

static enum reel_status measure(const char *bytes, size_t n, void *payload,
                                struct reel_error *error)
{
    (void)bytes, (void)error;
    *(size_t *)payload += n;
    return REEL_OK;
}

static struct reel_text_pipe *open_pipe(const char *const *name, int32_t n,
                                        reel_text_sink *sink, void *payload)
{
    struct reel_text_pipe *pipe;
    check(reel_text_pipe_open(name, n, NULL, sink, payload, &pipe, &err) == REEL_OK,
          err.text);
    return pipe;
}

static void bench_steps(const char *path)
{
    int32_t n_steps;
    const struct reel_text_step *step = reel_text_steps(&n_steps);
    struct base_buffer in, out;
    read_file(path, &in);
    printf("{");
    for (int32_t i = 0; i < n_steps; i++) {
        size_t n_out = 0;
        const double begin = processor_s();
        struct reel_text_pipe *pipe = open_pipe(&step[i].name, 1, measure, &n_out);
        check(reel_text_pipe_push(pipe, in.data, in.n_bytes, &err) == REEL_OK, err.text);
        check(reel_text_pipe_end(pipe, &err) == REEL_OK, err.text);
        printf("%s\"%s\": %.6g", i ? ", " : "", step[i].name,
               (double)in.n_bytes * 1e-6 / (processor_s() - begin));
        reel_text_pipe_close(pipe);
        base_buffer_init(&out, SIZE_MAX / 4);
        pipe = open_pipe(&step[i].name, 1, keep, &out);
        check(reel_text_pipe_push(pipe, in.data, in.n_bytes, &err) == REEL_OK, err.text);
        check(reel_text_pipe_end(pipe, &err) == REEL_OK, err.text);
        reel_text_pipe_close(pipe);
        base_buffer_release(&in);
        in = out;
    }
    base_buffer_release(&in);
    printf("}\n");
}

static void bench_chain(const char *path, int n_times)
{
    enum { N_STEPS_MAX = 16 };
    static char bytes[1 << 16];
    const char *name[N_STEPS_MAX];
    int32_t n_steps;
    const struct reel_text_step *step = reel_text_steps(&n_steps);
    for (int32_t i = 0; i < n_steps; i++) {
        name[i] = step[i].name;
    }
    size_t n_in = 0, n_out = 0;
    const double begin = processor_s();
    struct reel_text_pipe *pipe = open_pipe(name, n_steps, measure, &n_out);
    for (int i = 0; i < n_times; i++) {
        FILE *file = open_file(path);
        for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0; n_in += n) {
            check(reel_text_pipe_push(pipe, bytes, n, &err) == REEL_OK, err.text);
        }
        (void)fclose(file);
    }
    check(reel_text_pipe_end(pipe, &err) == REEL_OK, err.text);
    const double seconds = processor_s() - begin;
    reel_text_pipe_close(pipe);
    printf("{\"mb_per_s\": %.6g, \"peak_mib\": %.6g, \"n_out\": %zu}\n",
           (double)n_in * 1e-6 / seconds, peak_mib(), n_out);
}

/** A line of a megabyte at most: folded, cut, and its words counted. */
static long icu_line(UBreakIterator *words, const UNormalizer2 *fold, const char *line,
                     size_t n)
{
    enum { ROOM = 1 << 20 };
    static UChar wide[ROOM], folded[ROOM];
    UErrorCode status = U_ZERO_ERROR;
    int32_t n_wide = 0;
    u_strFromUTF8WithSub(wide, ROOM, &n_wide, line, (int32_t)n, 0xfffd, NULL, &status);
    n_wide = unorm2_normalize(fold, wide, n_wide, folded, ROOM, &status);
    ubrk_setText(words, folded, n_wide, &status);
    check(U_SUCCESS(status), u_errorName(status));
    long n_words = 0;
    for (int32_t to = ubrk_first(words); to != UBRK_DONE; to = ubrk_next(words)) {
        n_words += ubrk_getRuleStatus(words) >= UBRK_WORD_NUMBER;
    }
    return n_words;
}

static void bench_icu(const char *path)
{
    struct base_buffer in;
    UErrorCode status = U_ZERO_ERROR;
    long n_words = 0;
    read_file(path, &in);
    const double begin = processor_s();
    const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&status);
    UBreakIterator *words = ubrk_open(UBRK_WORD, "zh", NULL, 0, &status);
    check(U_SUCCESS(status), u_errorName(status));
    for (const char *line = in.data, *end = line + in.n_bytes, *feed; line < end;
         line = feed + 1) {
        feed = memchr(line, '\n', (size_t)(end - line));
        feed = feed ? feed : end;
        n_words += icu_line(words, fold, line, (size_t)(feed - line));
    }
    const double seconds = processor_s() - begin;
    ubrk_close(words);
    printf("{\"mb_per_s\": %.6g, \"n_words\": %ld}\n",
           (double)in.n_bytes * 1e-6 / seconds, n_words);
    base_buffer_release(&in);
}

int main(int argc, char **argv)
{
    check(argc > 2, "steps FILE | chain FILE N | icu FILE");
    if (strcmp(argv[1], "steps") == 0) {
        bench_steps(argv[2]);
    } else if (strcmp(argv[1], "icu") == 0) {
        bench_icu(argv[2]);
    } else {
        check(argc > 3, "chain FILE N");
        bench_chain(argv[2], (int)strtol(argv[3], NULL, 10));
    }
    return 0;
}
