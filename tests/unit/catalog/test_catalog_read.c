/** The registry, options, progress, and what a sink's answer does to the reading. */
#include "catalog_told.h"

static void formats_are_listed_once_with_a_summary(void **state)
{
    (void)state;
    int32_t n;
    const struct reel_format *format = reel_catalog_formats(&n);
    assert_true(n >= 9);
    for (int32_t i = 0; i < n; i++) {
        assert_true(format[i].name[0] && format[i].summary[0]);
        for (int32_t j = 0; j < i; j++) {
            assert_string_not_equal(format[i].name, format[j].name);
        }
    }
}

static void unknown_format_names_the_known_ones(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read(&told, "betamax", NULL, "x", "x");
    assert_int_equal(told.rc, REEL_EINVAL);
    assert_non_null(strstr(told.err.text, "no format \"betamax\"; there are catalogue,"));
    assert_non_null(strstr(told.err.text, "csv"));
    base_buffer_release(&told.text);
}

static void personal_exports_need_a_viewer(void **state)
{
    (void)state;
    int32_t n;
    const struct reel_format *format = reel_catalog_formats(&n);
    for (int32_t i = 0; i < n; i++) {
        struct told told;
        told_init(&told);
        told_read(&told, format[i].name, "", "x", "x");
        assert_int_equal(format[i].needs_viewer && told.rc != REEL_EINVAL, 0);
        base_buffer_release(&told.text);
    }
}

static void limits_must_make_sense(void **state)
{
    (void)state;
    struct reel_error err;
    struct told told;
    told_init(&told);
    const struct reel_sink sink = told_sink(&told);
    struct reel_read_options opt = reel_read_options_default();
    opt.max_line_bytes = 0;
    assert_int_equal(reel_catalog_read("csv", "x", &opt, &sink, &err), REEL_EINVAL);
    opt = reel_read_options_default();
    opt.max_ratio = (double)NAN;
    assert_int_equal(reel_catalog_read("csv", "x", &opt, &sink, &err), REEL_EINVAL);
    opt = reel_read_options_default();
    opt.source = "";
    assert_int_equal(reel_catalog_read("csv", "x", &opt, &sink, &err), REEL_EINVAL);
    opt = reel_read_options_default();
    assert_int_equal(reel_catalog_read("csv", "/nowhere.csv", &opt, &sink, &err),
                     REEL_ENOTFOUND);
}

static enum reel_status busy_event(const struct reel_event *event,
                                   const struct reel_where *where, void *payload,
                                   struct reel_error *err)
{
    (void)event, (void)where;
    ++*(int *)payload;
    return fail(err, REEL_EBUSY, "somebody else writes");
}

static void answer_of_the_sink_ends_the_reading(void **state)
{
    (void)state;
    int n_events = 0;
    struct told told;
    told_init(&told);
    struct reel_sink sink = told_sink(&told);
    sink.event = busy_event;
    sink.payload = &n_events;
    struct reel_error err;
    struct reel_read_options opt = reel_read_options_default();
    const struct catalog_memory member = {"r.csv", "user,item\na,1\na,2\n", 18};
    struct catalog_source *source;
    assert_ok(catalog_source_open_memory(&member, 1, &opt, &source, &err), err);
    assert_int_equal(catalog_read_source("csv", source, &opt, &sink, &err), REEL_EBUSY);
    assert_string_equal(err.text, "somebody else writes");
    assert_int_equal(n_events, 1);
    catalog_source_close(source);
}

struct watched {
    int n_calls, n_allowed;
    double done, total;
};

static bool watch_progress(const char *stage, double done, double total, void *payload)
{
    struct watched *watched = payload;
    assert_string_equal(stage, "r.csv");
    assert_true(done >= watched->done && done <= total);
    watched->done = done;
    watched->total = total;
    return watched->n_calls++ < watched->n_allowed;
}

static enum reel_status count_event(const struct reel_event *event,
                                    const struct reel_where *where, void *payload,
                                    struct reel_error *err)
{
    (void)event, (void)where, (void)err;
    ++*(int64_t *)payload;
    return REEL_OK;
}

static void progress_is_told_and_may_stop_the_reading(void **state)
{
    (void)state;
    enum { N = 4 << 20 };
    int64_t n_events = 0;
    struct told told;
    told_init(&told);
    struct reel_sink sink = told_sink(&told);
    sink.event = count_event;
    sink.payload = &n_events;
    char *text = base_alloc(N);
    size_t n = (size_t)sprintf(text, "user,item\n");
    while (n + 20 < N) {
        n += (size_t)sprintf(text + n, "u,%zu\n", n);
    }
    const struct catalog_memory member = {"a/r.csv", text, n};
    struct watched watched = {.n_allowed = 1000};
    struct reel_read_options opt = reel_read_options_default();
    opt.progress = (struct reel_progress){.report = watch_progress, .payload = &watched};
    struct catalog_source *source;
    struct reel_error err;
    assert_ok(catalog_source_open_memory(&member, 1, &opt, &source, &err), err);
    assert_ok(catalog_read_source("csv", source, &opt, &sink, &err), err);
    assert_true(watched.n_calls >= 4);
    assert_true(watched.done == (double)n && watched.total == (double)n);
    const int64_t n_all = n_events;
    watched = (struct watched){.n_allowed = 3};
    n_events = 0;
    assert_int_equal(catalog_read_source("csv", source, &opt, &sink, &err),
                     REEL_ECANCELLED);
    assert_true(n_events > 0 && n_events < n_all);
    catalog_source_close(source);
    base_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_listed_once_with_a_summary),
        cmocka_unit_test(unknown_format_names_the_known_ones),
        cmocka_unit_test(personal_exports_need_a_viewer),
        cmocka_unit_test(limits_must_make_sense),
        cmocka_unit_test(answer_of_the_sink_ends_the_reading),
        cmocka_unit_test(progress_is_told_and_may_stop_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
