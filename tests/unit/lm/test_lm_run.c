/** Runs of training: what is written is read again, whatever happens in between. */
#include "unit.h"

#include "base_alloc.h"
#include "base_file.h"
#include "lm_events.h"
#include "lm_run.h"
#include "lm_runs_log.h"

#include <forkreel/lm_runs.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/forkreel-run-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct lm_run_options options(const char *name, int64_t first_step)
{
    static const struct lm_run_setting setting[] = {
        {"rate", NULL, .001}, {"layers", NULL, 4}, {"text", "films.txt", 0}};
    return (struct lm_run_options){.folder = folder,
                                   .name = name,
                                   .what = "pretrain nnlm",
                                   .model = "/models/a.nnlm",
                                   .setting = setting,
                                   .n_settings = COUNT_OF(setting),
                                   .n_steps = 10,
                                   .first_step = first_step};
}

static struct lm_run *begin(const char *name, int64_t first_step)
{
    struct reel_error err;
    struct lm_run *run;
    const struct lm_run_options opt = options(name, first_step);
    assert_ok(lm_run_begin(&opt, &run, &err), err);
    return run;
}

static void steps(struct lm_run *run, int64_t first, int64_t end)
{
    struct reel_error err;
    for (int64_t step = first; step < end; step++) {
        assert_ok(lm_run_step(run, step, 5.0 - (double)step / 4, 100, &err), err);
    }
}

static char *events_path(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s/events.out.tfevents.forkreel", folder, name);
    return path;
}

static void checksum_equals_its_naive_twin_and_the_standard(void **state)
{
    (void)state;
    unsigned char data[259];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i * i + 7);
    }
    for (size_t n = 0; n <= sizeof data; n++) {
        assert_int_equal(lm_crc32c(data, n), lm_crc32c_naive(data, n));
    }
    assert_int_equal(lm_crc32c("123456789", 9), 0xe3069283); // RFC 3720's check value
}

static void histogram_counts_every_number_once(void **state)
{
    (void)state;
    const float x[] = {0,   1,      -1,    1e-13F,   -1e-13F, 2.5F,
                       NAN, 1e-12F, 3e20F, INFINITY, .1F};
    struct lm_histogram *h = malloc(sizeof *h);
    lm_histogram_init(h, x, COUNT_OF(x));
    int64_t n = 0;
    for (int32_t i = 0; i < LM_HISTOGRAM_BUCKETS; i++) {
        n += h->count[i];
        assert_true(i == 0 || lm_histogram_border(i) > lm_histogram_border(i - 1));
    }
    assert_int_equal(n, 9);
    assert_true(h->n == 9 && h->low == -1);
    // Each number stands below the border of its bucket and not below the one before.
    for (size_t k = 1; k < 6; k++) {
        struct lm_histogram one;
        lm_histogram_init(&one, &x[k], 1);
        for (int32_t i = 1; i < LM_HISTOGRAM_BUCKETS; i++) {
            if (one.count[i]) {
                const double width = lm_histogram_border(i) - lm_histogram_border(i - 1);
                assert_true((double)x[k] <= lm_histogram_border(i) + width * 1e-6);
                assert_true((double)x[k] >= lm_histogram_border(i - 1) - width * 1e-6);
            }
        }
    }
    free(h);
}

static void run_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_run_log log;
    float gradient[1000];
    for (size_t i = 0; i < COUNT_OF(gradient); i++) {
        gradient[i] = (float)i / 1000 - .5F;
    }
    struct lm_run *run = begin("one", 0);
    assert_string_equal(lm_run_name(run), "one");
    lm_run_text(run, 3, "sample", "一个 text");
    lm_run_histogram(run, 3, "gradient/embed", gradient, COUNT_OF(gradient));
    lm_run_scalar(run, 3, "loss/validation", 4.5);
    steps(run, 0, 10);
    assert_non_null(strstr(lm_run_stage(run), "step\tloss 2.750"));
    assert_int_equal(lm_run_end(run, REEL_OK, NULL, &err), REEL_OK);
    assert_ok(reel_lm_run_read(folder, "on", &log, &err), err);
    assert_string_equal(log.run.name, "one");
    assert_string_equal(log.run.what, "pretrain nnlm");
    assert_string_equal(log.run.model, "/models/a.nnlm");
    assert_int_equal(log.run.state, REEL_LM_RUN_DONE);
    assert_int_equal(log.run.step, 10);
    assert_int_equal(log.run.n_tokens, 1000);
    assert_true(log.run.loss == 2.75);
    assert_int_equal(log.n_settings, 3);
    assert_string_equal(log.setting[0].text, "0.001");
    assert_string_equal(log.setting[2].text, "films.txt");
    const struct reel_lm_curve *loss = reel_lm_run_curve(&log, "loss/train");
    assert_non_null(loss);
    assert_int_equal(loss->n, 10);
    for (int64_t i = 0; i < 10; i++) {
        assert_true(loss->step[i] == (double)i);
        assert_true(loss->value[i] == 5.0 - (double)i / 4);
        assert_true(loss->at_s[i] > 1.7e9);
    }
    assert_int_equal(reel_lm_run_curve(&log, "loss/validation")->n, 1);
    assert_int_equal(log.n_texts, 1);
    assert_string_equal(log.text[0].text, "一个 text");
    assert_int_equal(log.n_spreads, 1);
    assert_true(fabs(log.spread[0].median) < .03);
    assert_true(fabs(log.spread[0].low + .45) < .03);
    assert_true(fabs(log.spread[0].high - .45) < .03);
    assert_int_equal(log.n_bytes_lost, 0);
    reel_lm_run_log_release(&log);
}

static void run_that_goes_on_forgets_what_is_done_again(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_run_log log;
    struct lm_run *run = begin("again", 0);
    steps(run, 0, 8);
    assert_int_equal(lm_run_end(run, REEL_ECANCELLED, NULL, &err), REEL_ECANCELLED);
    FILE *file = fopen(events_path("again"), "ab"); // as a death in the middle of a write
    assert_true(fwrite("\x18\0\0\0\0\0\0\0half", 1, 12, file) == 12);
    assert_int_equal(fclose(file), 0);
    assert_ok(reel_lm_run_read(folder, "again", &log, &err), err);
    assert_int_equal(log.run.state, REEL_LM_RUN_STOPPED);
    assert_int_equal(log.n_bytes_lost, 12);
    assert_int_equal(reel_lm_run_curve(&log, "loss/train")->n, 8);
    reel_lm_run_log_release(&log);

    run = begin("again", 5);
    for (int64_t step = 5; step < 10; step++) {
        assert_ok(lm_run_step(run, step, 1, 100, &err), err);
    }
    assert_int_equal(lm_run_end(run, REEL_OK, NULL, &err), REEL_OK);
    assert_ok(reel_lm_run_read(folder, "again", &log, &err), err);
    const struct reel_lm_curve *loss = reel_lm_run_curve(&log, "loss/train");
    assert_int_equal(log.n_bytes_lost, 0);
    assert_int_equal(loss->n, 10);
    assert_true(loss->value[4] == 4 && loss->value[5] == 1 && loss->step[9] == 9);
    assert_int_equal(log.run.n_tokens, 1300);
    reel_lm_run_log_release(&log);
}

static void run_cut_anywhere_keeps_what_is_before(void **state)
{
    (void)state;
    struct reel_error err;
    struct lm_run *run = begin("cut", 0);
    lm_run_text(run, 0, "sample", "text");
    steps(run, 0, 4);
    assert_int_equal(lm_run_end(run, REEL_OK, NULL, &err), REEL_OK);
    struct base_file_map map;
    assert_ok(base_file_map_open(&map, events_path("cut"), &err), err);
    int64_t n_before = 0;
    for (size_t n = 0; n <= map.n_bytes; n++) {
        struct reel_lm_run_log log = {0};
        const enum reel_status rc = lm_runs_log_read(map.data, n, &log, &err);
        const struct reel_lm_curve *loss = reel_lm_run_curve(&log, "loss/train");
        const int64_t n_now = loss ? loss->n : 0;
        assert_true(rc == REEL_OK || (rc == REEL_EFORMAT && n_before == 0));
        assert_true(n_now == n_before || n_now == n_before + 1);
        n_before = n_now;
        reel_lm_run_log_release(&log);
    }
    assert_int_equal(n_before, 4);
    base_file_map_close(&map);
}

static void run_has_one_writer_and_its_state_is_seen(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_run_list list;
    struct lm_run *run = begin("busy", 0), *other;
    struct lm_run_options opt = options("busy", 1);
    assert_int_equal(lm_run_begin(&opt, &other, &err), REEL_EBUSY);
    assert_null(other);
    opt.first_step = 0;
    assert_int_equal(lm_run_begin(&opt, &other, &err), REEL_EINVAL);
    opt.name = "../busy";
    assert_int_equal(lm_run_begin(&opt, &other, &err), REEL_EINVAL);
    assert_ok(reel_lm_runs_list(folder, &list, &err), err);
    for (int32_t i = 0; i < list.n_runs; i++) {
        if (strcmp(list.run[i].name, "busy") == 0) {
            assert_int_equal(list.run[i].state, REEL_LM_RUN_RUNNING);
        }
    }
    reel_lm_runs_release(&list);
    const struct reel_error why = {.code = REEL_EFAIL, .text = "the loss is no number"};
    assert_int_equal(lm_run_end(run, REEL_EFAIL, &why, &err), REEL_EFAIL);
    struct reel_lm_run_log log;
    assert_ok(reel_lm_run_read(folder, "busy", &log, &err), err);
    assert_int_equal(log.run.state, REEL_LM_RUN_FAILED);
    assert_string_equal(log.run.why, "the loss is no number");
    reel_lm_run_log_release(&log);
}

static void runs_without_a_name_get_different_ones(void **state)
{
    (void)state;
    struct reel_error err;
    struct lm_run *run[3];
    for (int i = 0; i < 3; i++) {
        run[i] = begin(NULL, 0);
        assert_int_equal(strncmp(lm_run_name(run[i]), "pretrain-nnlm-20", 16), 0);
        assert_true(i == 0 || strcmp(lm_run_name(run[i]), lm_run_name(run[i - 1])) != 0);
    }
    struct reel_lm_run_log log;
    assert_int_equal(reel_lm_run_read(folder, "pretrain", &log, &err), REEL_EAMBIGUOUS);
    assert_int_equal(reel_lm_run_read(folder, "none", &log, &err), REEL_ENOTFOUND);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lm_run_end(run[i], REEL_OK, NULL, &err), REEL_OK);
    }
}

static void full_disk_is_told(void **state)
{
    (void)state;
    struct reel_error err;
    if (access("/dev/full", W_OK) != 0) {
        skip();
    }
    struct lm_run *run = begin("full", 0);
    assert_int_equal(lm_run_end(run, REEL_OK, NULL, &err), REEL_OK);
    assert_int_equal(unlink(events_path("full")), 0);
    assert_int_equal(symlink("/dev/full", events_path("full")), 0);
    const struct lm_run_options opt = options("full", 1);
    assert_int_equal(lm_run_begin(&opt, &run, &err), REEL_EIO);
    assert_null(run);
}

static void run_without_a_folder_keeps_its_line(void **state)
{
    (void)state;
    struct reel_error err;
    struct lm_run *run;
    const struct lm_run_options opt = {.what = "pretrain"};
    assert_ok(lm_run_begin(&opt, &run, &err), err);
    lm_run_text(run, 0, "sample", "text");
    assert_ok(lm_run_step(run, 0, 1.5, 10, &err), err);
    assert_non_null(strstr(lm_run_stage(run), "loss 1.500"));
    assert_string_equal(lm_run_folder(run), "");
    assert_int_equal(lm_run_end(run, REEL_OK, NULL, &err), REEL_OK);
    assert_int_equal(lm_run_end(NULL, REEL_EIO, NULL, &err), REEL_EIO);
}

static void every_allocation_may_fail_while_reading(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_run_log log;
    struct lm_run *run = begin("memory", 0);
    lm_run_text(run, 0, "sample", "text");
    steps(run, 0, 3);
    assert_int_equal(lm_run_end(run, REEL_OK, NULL, &err), REEL_OK);
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_lm_run_read(folder, "memory", &log, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_null(log.owned);
        assert_true(n < 1000);
    }
    reel_lm_run_log_release(&log);
    for (long n = 0;; n++) {
        const struct lm_run_options opt = options("memory", 2);
        base_alloc_fail_after(n);
        enum reel_status rc = lm_run_begin(&opt, &run, &err);
        rc = rc ? rc : lm_run_step(run, 2, 1, 1, &err);
        rc = lm_run_end(run, rc, &err, &err);
        base_alloc_fail_after(-1);
        run = NULL;
        if (rc == REEL_OK) {
            break;
        }
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_equals_its_naive_twin_and_the_standard),
        cmocka_unit_test(histogram_counts_every_number_once),
        cmocka_unit_test(run_is_read_as_it_was_written),
        cmocka_unit_test(run_that_goes_on_forgets_what_is_done_again),
        cmocka_unit_test(run_cut_anywhere_keeps_what_is_before),
        cmocka_unit_test(run_has_one_writer_and_its_state_is_seen),
        cmocka_unit_test(runs_without_a_name_get_different_ones),
        cmocka_unit_test(full_disk_is_told),
        cmocka_unit_test(run_without_a_folder_keeps_its_line),
        cmocka_unit_test(every_allocation_may_fail_while_reading),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
