/** Writing to what is no regular file. */
#include "unit.h"

#include "base_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void full_device_is_an_error_and_stays_a_device(void **state)
{
    (void)state;
    struct base_file_writer writer;
    struct reel_error err;
    struct stat st;
    if (access("/dev/full", W_OK) != 0) {
        skip();
    }
    assert_ok(base_file_writer_open(&writer, "/dev/full", &err), err);
    (void)fputs("more than fits", writer.out);
    assert_int_equal(base_file_writer_close(&writer, &err), REEL_EIO);
    assert_non_null(strstr(err.text, "/dev/full: cannot be written"));
    assert_int_equal(stat("/dev/full", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

static void pipe_gets_what_is_written(void **state)
{
    (void)state;
    struct base_file_writer writer;
    struct reel_error err;
    char folder[] = "/tmp/forkreel-unit-XXXXXX", path[64], text[32] = "";
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    FILE *reader = fopen(path, "r+"); // both ends, so that opening does not wait
    assert_non_null(reader);
    assert_ok(base_file_writer_open(&writer, path, &err), err);
    (void)fputs("a line\n", writer.out);
    assert_ok(base_file_writer_close(&writer, &err), err);
    assert_non_null(fgets(text, sizeof text, reader));
    assert_string_equal(text, "a line\n");
    (void)fclose(reader);
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_device_is_an_error_and_stays_a_device),
        cmocka_unit_test(pipe_gets_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
