/** Checkpoints: whole or not there, whatever happens to the process, the disk or the file. */
#include "unit.h"

#include "base_alloc.h"
#include "base_file.h"
#include "lm_checkpoint.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char folder[64];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    (void)snprintf(place->folder, sizeof place->folder, "checkpoint-%ld", (long)getpid());
    *state = place;
    return place ? 0 : -1;
}

static int count_files(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *file; dir && (file = readdir(dir));) {
        n += file->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char path[512];
    DIR *dir = opendir(place->folder);
    for (const struct dirent *file; dir && (file = readdir(dir));) {
        (void)snprintf(path, sizeof path, "%s/%s", place->folder, file->d_name);
        (void)unlink(path);
    }
    if (dir) {
        closedir(dir);
    }
    (void)rmdir(place->folder);
    free(place);
    return 0;
}

enum { N_NUMBERS = 5000 };

static enum reel_status write_step(const char *folder, int64_t step,
                                   struct reel_error *err)
{
    static int64_t number[N_NUMBERS];
    for (int i = 0; i < N_NUMBERS; i++) {
        number[i] = step * 1000003 + i;
    }
    const struct lm_checkpoint_part part[] = {
        {"numbers", number, sizeof number}, {"nothing", NULL, 0}, {"name", "reel", 4}};
    return lm_checkpoint_write(folder, step, part, COUNT_OF(part), err);
}

static void assert_is_step(const struct lm_checkpoint *checkpoint, int64_t step)
{
    static int64_t number[N_NUMBERS];
    struct reel_error err;
    assert_int_equal(lm_checkpoint_step(checkpoint), step);
    assert_ok(lm_checkpoint_copy(checkpoint, "numbers", number, sizeof number, &err),
              err);
    for (int i = 0; i < N_NUMBERS; i++) {
        assert_int_equal(number[i], step * 1000003 + i);
    }
}

static void checkpoint_gives_back_what_was_written(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    char name[4];
    size_t n_bytes = 7;
    assert_ok(write_step(place->folder, 12, &err), err);
    assert_ok(lm_checkpoint_open(place->folder, &checkpoint, &err), err);
    assert_is_step(checkpoint, 12);
    assert_non_null(lm_checkpoint_get(checkpoint, "nothing", &n_bytes));
    assert_int_equal(n_bytes, 0);
    assert_null(lm_checkpoint_get(checkpoint, "something", &n_bytes));
    assert_ok(lm_checkpoint_copy(checkpoint, "name", name, 4, &err), err);
    assert_memory_equal(name, "reel", 4);
    assert_int_equal(lm_checkpoint_copy(checkpoint, "name", name, 3, &err), REEL_EFORMAT);
    lm_checkpoint_close(checkpoint);
}

static void checkpoint_keeps_the_two_newest(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    for (int64_t step = 0; step < 50; step += 10) {
        assert_ok(write_step(place->folder, step, &err), err);
    }
    assert_int_equal(count_files(place->folder), 2);
    assert_ok(lm_checkpoint_open(place->folder, &checkpoint, &err), err);
    assert_is_step(checkpoint, 40);
    lm_checkpoint_close(checkpoint);
}

static void checkpoint_goes_back_when_the_newest_is_damaged(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    char path[128];
    assert_ok(write_step(place->folder, 1, &err), err);
    assert_ok(write_step(place->folder, 2, &err), err);
    (void)snprintf(path, sizeof path, "%s/step-0000000002.checkpoint", place->folder);
    assert_int_equal(truncate(path, 20000), 0);
    assert_int_equal(lm_checkpoint_open(path, &checkpoint, &err), REEL_EFORMAT);
    assert_null(checkpoint);
    assert_ok(lm_checkpoint_open(place->folder, &checkpoint, &err), err);
    assert_is_step(checkpoint, 1);
    lm_checkpoint_close(checkpoint);
}

static void checkpoint_of_an_empty_or_missing_folder_is_not_found(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    assert_int_equal(lm_checkpoint_open(place->folder, &checkpoint, &err),
                     REEL_ENOTFOUND);
    assert_ok(base_file_mkdirs(place->folder, &err), err);
    assert_int_equal(lm_checkpoint_open(place->folder, &checkpoint, &err),
                     REEL_ENOTFOUND);
}

// Every byte of the head, the table and some of the rest changed, and every length.
static void checkpoint_rejects_every_damage(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    struct base_file_map map;
    char path[128], broken[128];
    assert_ok(write_step(place->folder, 3, &err), err);
    (void)snprintf(path, sizeof path, "%s/step-0000000003.checkpoint", place->folder);
    (void)snprintf(broken, sizeof broken, "%s/broken", place->folder);
    assert_ok(base_file_map_open(&map, path, &err), err);
    unsigned char *copy = malloc(map.n_bytes);
    for (size_t at = 0; at < map.n_bytes; at += at < 300 ? 1 : 997) {
        memcpy(copy, map.data, map.n_bytes);
        copy[at] ^= 0x41;
        assert_ok(base_file_write(broken, NULL, 0, copy, map.n_bytes, &err), err);
        const enum reel_status rc = lm_checkpoint_open(broken, &checkpoint, &err);
        assert_true(rc == REEL_EFORMAT || rc == REEL_EVERSION);
        assert_ok(base_file_write(broken, NULL, 0, map.data, at, &err), err);
        assert_int_equal(lm_checkpoint_open(broken, &checkpoint, &err), REEL_EFORMAT);
    }
    free(copy);
    base_file_map_close(&map);
}

static void checkpoint_survives_a_full_disk(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    assert_ok(write_step(place->folder, 1, &err), err);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {20000, 20000};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        _exit(write_step(place->folder, 2, &err) == REEL_EIO ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_files(place->folder), 1);
    assert_ok(lm_checkpoint_open(place->folder, &checkpoint, &err), err);
    assert_is_step(checkpoint, 1);
    lm_checkpoint_close(checkpoint);
}

static void checkpoint_survives_kill_9_at_any_moment(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    assert_ok(write_step(place->folder, 0, &err), err);
    for (int64_t round = 0, before = 0; round < 20; round++) {
        const pid_t child = fork();
        if (child == 0) {
            for (int64_t step = before + 1;; step++) {
                if (write_step(place->folder, step, &err) != REEL_OK) {
                    _exit(1);
                }
            }
        }
        (void)usleep((useconds_t)(2000 + 1700 * round));
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_ok(lm_checkpoint_open(place->folder, &checkpoint, &err), err);
        assert_true(lm_checkpoint_step(checkpoint) >= before);
        before = lm_checkpoint_step(checkpoint);
        assert_is_step(checkpoint, before);
        lm_checkpoint_close(checkpoint);
    }
    // And what a death left half-written goes with the next one.
    assert_ok(write_step(place->folder, 1000000, &err), err);
    assert_int_equal(count_files(place->folder), 2);
}

static void checkpoint_reports_every_failed_allocation(void **state)
{
    const struct place *place = *state;
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        enum reel_status rc = write_step(place->folder, 1, &err);
        rc = rc ? rc : lm_checkpoint_open(place->folder, &checkpoint, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
    lm_checkpoint_close(checkpoint);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(checkpoint_gives_back_what_was_written),
        IN_A_FOLDER(checkpoint_keeps_the_two_newest),
        IN_A_FOLDER(checkpoint_goes_back_when_the_newest_is_damaged),
        IN_A_FOLDER(checkpoint_of_an_empty_or_missing_folder_is_not_found),
        IN_A_FOLDER(checkpoint_rejects_every_damage),
        IN_A_FOLDER(checkpoint_survives_a_full_disk),
        IN_A_FOLDER(checkpoint_survives_kill_9_at_any_moment),
        IN_A_FOLDER(checkpoint_reports_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
