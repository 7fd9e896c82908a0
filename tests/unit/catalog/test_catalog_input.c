/** Lines, records and archives: what is handed out, and what is refused with which words. */
#include "unit.h"

#include "catalog_input.h"

#include "base_alloc.h"

#include <stdlib.h>

static struct catalog_source *source;
static struct catalog_input *in;
static struct reel_error err;

static enum reel_status open_bytes(const char *name, const void *data, size_t n,
                                   const struct reel_read_options *opt)
{
    const struct catalog_memory memory = {.name = name, .data = data, .n_bytes = n};
    enum reel_status rc = catalog_source_open_memory(&memory, 1, opt, &source, &err);
    return rc ? rc : catalog_input_open(source, 0, &in, &err);
}

static void close_all(void)
{
    catalog_input_close(in);
    catalog_source_close(source);
    in = NULL;
    source = NULL;
}

static const char *next_line(void)
{
    char *line = NULL;
    assert_ok(catalog_input_line(in, &line, &err), err);
    return line;
}

static void lines_end_with_lf_crlf_or_the_file(void **state)
{
    (void)state;
    const struct reel_read_options opt = reel_read_options_default();
    static const char text[] = "\xef\xbb\xbfone\r\n\ntwo\nthree";
    assert_ok(open_bytes("t", text, sizeof text - 1, &opt), err);
    assert_string_equal(next_line(), "one");
    assert_string_equal(next_line(), "");
    assert_string_equal(next_line(), "two");
    assert_int_equal(catalog_input_where(in).line, 3);
    assert_string_equal(next_line(), "three");
    assert_null(next_line());
    assert_null(next_line());
    assert_ok(catalog_input_rewind(in, &err), err);
    assert_string_equal(next_line(), "one");
    assert_int_equal(catalog_input_where(in).line, 1);
    close_all();
}

static void lines_are_whole_across_windows(void **state)
{
    (void)state;
    enum { N_LINES = 30000, LINE_BYTES = 200 };
    const struct reel_read_options opt = reel_read_options_default();
    char *text = base_alloc_array(N_LINES, LINE_BYTES);
    size_t n = 0;
    for (int i = 0; i < N_LINES; i++) {
        n += (size_t)sprintf(text + n, "%d %.*s é\n", i, i % 150,
                             "0123456789012345678901234567890123456789012345678901234567"
                             "8901234567890123456789012345678901234567890123456789012345"
                             "67890123456789012345678901234567890");
    }
    assert_ok(open_bytes("t", text, n, &opt), err);
    for (int i = 0; i < N_LINES; i++) {
        const char *line = next_line();
        assert_non_null(line);
        assert_int_equal(atol(line), i);
        assert_string_equal(line + strlen(line) - 3, " é");
    }
    assert_null(next_line());
    close_all();
    base_free(text);
}

static void records_keep_quoted_line_ends_together(void **state)
{
    (void)state;
    const struct reel_read_options opt = reel_read_options_default();
    static const char text[] = "a,\"x\n\"\"y\"\"\r\nz\",b\n5\" tape,c\n\"\"\n";
    char *record;
    size_t n;
    bool has_quotes;
    assert_ok(open_bytes("t", text, sizeof text - 1, &opt), err);
    assert_ok(catalog_input_record(in, ',', &record, &n, &has_quotes, &err), err);
    assert_string_equal(record, "a,\"x\n\"\"y\"\"\r\nz\",b");
    assert_true(has_quotes);
    assert_int_equal(n, strlen(record));
    assert_ok(catalog_input_record(in, ',', &record, &n, &has_quotes, &err), err);
    assert_string_equal(record, "5\" tape,c");
    assert_int_equal(catalog_input_where(in).line, 4);
    assert_ok(catalog_input_record(in, ',', &record, &n, &has_quotes, &err), err);
    assert_string_equal(record, "\"\"");
    assert_ok(catalog_input_record(in, ',', &record, &n, &has_quotes, &err), err);
    assert_null(record);
    close_all();
}

static void latin1_becomes_utf8_on_demand(void **state)
{
    (void)state;
    const struct reel_read_options opt = reel_read_options_default();
    static const char text[] = "caf\xe9\nplain\n";
    assert_ok(open_bytes("t", text, sizeof text - 1, &opt), err);
    catalog_input_set_latin1(in);
    assert_string_equal(next_line(), "café");
    assert_string_equal(next_line(), "plain");
    close_all();
}

// Reads records to the end; the first error is the answer.
static enum reel_status read_all(const char *name, const void *data, size_t n,
                                 const struct reel_read_options *opt)
{
    enum reel_status rc = open_bytes(name, data, n, opt);
    char *record = NULL;
    bool has_quotes;
    do {
        rc = rc ? rc : catalog_input_record(in, ',', &record, &n, &has_quotes, &err);
    } while (rc == REEL_OK && record);
    close_all();
    return rc;
}

static void hostile_text_gives_one_clear_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *error;
    } cases[] = {
#define CASE(text, error) {text, sizeof text - 1, error}
        CASE("good\nbad \xe9t\xe9\n",
             "t:2: not UTF-8 (byte 0xE9); perhaps iconv -f ISO-8859-1 helps"),
        CASE("a\n\"b\nc \x93q\x94\"\n",
             "t:3: not UTF-8 (byte 0x93); perhaps iconv -f WINDOWS-1252 helps"),
        CASE("\xc6\xac\xc3\xfb\n",
             "t:1: not UTF-8 (byte 0xC3); perhaps iconv -f GB18030 helps"),
        CASE("cut \xf0\x9f\x8e", "t:1: not UTF-8 (byte 0xF0); perhaps iconv -f"),
        CASE("overlong \xc0\xaf", "t:1: not UTF-8 (byte 0xC0)"),
        CASE("a\nb\0c\n", "t:2: a NUL byte: this is not text"),
        CASE("\xff\xfe\x61\x00", "t:1: UTF-16, not UTF-8; convert it with iconv first"),
        CASE("\xfe\xff\x00\x61", "t:1: UTF-16, not UTF-8; convert it with iconv first"),
        CASE("a\nb,\"c\nd\n", "t:2: a quote that is never closed"),
#undef CASE
    };
    const struct reel_read_options opt = reel_read_options_default();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_all("t", cases[i].text, cases[i].n, &opt), REEL_EFORMAT);
        err.text[strlen(cases[i].error) < sizeof err.text ? strlen(cases[i].error) : 0] =
            0;
        assert_string_equal(err.text, cases[i].error);
    }
}

static void friendly_text_is_taken(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "\n\n",
                                        "\xef\xbb\xbf",
                                        "🎬,雾港\n",
                                        "a\r\nb",
                                        "\"\xf0\x9f\x8e\xac\n\"\n",
                                        "\"a\"b\",c\n"};
    const struct reel_read_options opt = reel_read_options_default();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_ok(read_all("t", cases[i], strlen(cases[i]), &opt), err);
    }
}

static void long_lines_end_the_reading_at_the_limit(void **state)
{
    (void)state;
    enum { N = 3 << 20 };
    struct reel_read_options opt = reel_read_options_default();
    opt.max_line_bytes = 1 << 20;
    char *text = base_alloc(N);
    memset(text, 'x', N);
    assert_int_equal(read_all("t", text, N, &opt), REEL_EFORMAT);
    assert_string_equal(err.text, "t:1: line longer than 1 MiB");
    text[0] = '"';
    for (int i = 100; i < N; i += 100) {
        text[i] = '\n';
    }
    assert_int_equal(read_all("t", text, N, &opt), REEL_EFORMAT);
    assert_string_equal(err.text, "t:1: line longer than 1 MiB: a quote is never closed");
    opt.max_line_bytes = 1000;
    text[0] = 'x';
    memset(text, 'y', 1000);
    text[1000] = '\n'; // just short enough
    assert_ok(read_all("t", text, N, &opt), err);
    text[1000] = 'y';
    assert_int_equal(read_all("t", text, N, &opt), REEL_EFORMAT);
    assert_string_equal(err.text, "t:1: line longer than 1000 bytes");
    base_free(text);
}

static enum reel_status read_archive(const char *name,
                                     const struct reel_read_options *opt)
{
    char path[1024];
    (void)snprintf(path, sizeof path, FORKREEL_TEST_DATA "/catalog/archives/%s", name);
    enum reel_status rc = catalog_source_open(path, opt, &source, &err);
    char *line = NULL;
    if (rc == REEL_OK && catalog_source_n(source) > 0) {
        rc = catalog_input_open(source, 0, &in, &err);
        do {
            rc = rc ? rc : catalog_input_line(in, &line, &err);
        } while (rc == REEL_OK && line);
    }
    return rc;
}

static void hostile_archives_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name,
            *error; /* behind the path, or all of it without a blank in front */
    } cases[] = {
        {"outside.zip", ": refused: its member \"../ratings.csv\" lies outside of it"},
        {"absolute.zip", ": refused: its member \"/etc/ratings.csv\" lies outside of it"},
        {"backslash.zip",
         ": refused: its member \"a/../../ratings.csv\" lies outside of it"},
        {"link.zip", ": refused: its member \"ratings.csv\" is a link or a device"},
        {"bomb.zip", "ratings.csv: refused: unpacks to more than 200 times its size"},
        {"bomb.csv.gz", ": refused: unpacks to more than 200 times its size"},
        {"truncated.zip", ": damaged, incomplete or locked: "},
        {"truncated.csv.gz", ": damaged, incomplete or locked: "},
    };
    const struct reel_read_options opt = reel_read_options_default();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_archive(cases[i].name, &opt), REEL_EFORMAT);
        close_all();
        if (!strstr(err.text, cases[i].error)) {
            fail_msg("%s: %s", cases[i].name, err.text);
        }
    }
}

static void archives_are_read_like_folders(void **state)
{
    (void)state;
    struct reel_read_options opt = reel_read_options_default();
    assert_ok(read_archive("good.zip", &opt), err);
    assert_int_equal(catalog_source_n(source), 1); // the resource fork is passed over
    assert_false(catalog_source_is_file(source));
    assert_string_equal(catalog_source_member(source, 0), "a/ratings.csv");
    close_all();
    assert_ok(read_archive("names.zip", &opt), err);
    assert_string_equal(catalog_source_member(source, 0), "雾港/评分.csv");
    close_all();
    assert_ok(read_archive("good.csv.gz", &opt), err);
    assert_true(catalog_source_is_file(source));
    assert_int_equal(catalog_source_find(source, "good.csv", 0), 0);
    close_all();
    opt.max_ratio = 10000;
    opt.max_member_bytes = 1 << 20;
    assert_int_equal(read_archive("bomb.zip", &opt), REEL_EFORMAT);
    assert_string_equal(err.text, "ratings.csv: unpacks to more than 1048576 bytes");
    close_all();
    opt.max_member_bytes = 1 << 30;
    assert_ok(read_archive("bomb.zip", &opt), err);
    close_all();
}

static void members_are_found_by_name_shallow_first(void **state)
{
    (void)state;
    const struct catalog_memory member[] = {
        {"deleted/ratings.csv", "1", 1}, {"Ratings.csv", "2", 1},
        {"likes/films.csv", "3", 1},     {"films.csv", "4", 1},
        {"b/c.nfo.gz", "5", 1},          {"a.nfo", "6", 1},
    };
    const struct reel_read_options opt = reel_read_options_default();
    assert_ok(catalog_source_open_memory(member, COUNT_OF(member), &opt, &source, &err),
              err);
    int32_t i = catalog_source_find(source, "ratings.csv", 0);
    assert_string_equal(catalog_source_member(source, i), "Ratings.csv");
    i = catalog_source_find(source, "ratings.csv", i + 1);
    assert_string_equal(catalog_source_member(source, i), "deleted/ratings.csv");
    i = catalog_source_find(source, "likes/films.csv", 0);
    assert_string_equal(catalog_source_member(source, i), "likes/films.csv");
    i = catalog_source_find(source, "*.nfo", 0);
    assert_string_equal(catalog_source_member(source, i), "a.nfo");
    i = catalog_source_find(source, "*.nfo", i + 1);
    assert_string_equal(catalog_source_member(source, i), "b/c.nfo.gz");
    assert_int_equal(catalog_source_find(source, "none.csv", 0), -1);
    close_all();
}

static void members_of_a_zip_are_read_in_any_order(void **state)
{
    (void)state;
    const struct reel_read_options opt = reel_read_options_default();
    assert_ok(catalog_source_open(FORKREEL_TEST_DATA "/catalog/archives/letterboxd.zip",
                                  &opt, &source, &err),
              err);
    static const char *const order[] = {"watchlist.csv", "diary.csv", "ratings.csv",
                                        "likes/films.csv", "diary.csv"};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        const int32_t m = catalog_source_find(source, order[i], 0);
        assert_true(m >= 0);
        assert_ok(catalog_input_open(source, m, &in, &err), err);
        assert_memory_equal(next_line(), "Date,Name,Year", 14);
        assert_ok(catalog_input_rewind(in, &err), err);
        assert_memory_equal(next_line(), "Date,Name,Year", 14);
        catalog_input_close(in);
        in = NULL;
    }
    close_all();
}

static void missing_source_is_not_found(void **state)
{
    (void)state;
    const struct reel_read_options opt = reel_read_options_default();
    assert_int_equal(catalog_source_open("/nowhere/ratings.csv", &opt, &source, &err),
                     REEL_ENOTFOUND);
    assert_string_equal(err.text, "/nowhere/ratings.csv: No such file or directory");
}

static void all_and_chunks_give_every_byte(void **state)
{
    (void)state;
    enum { N = 200000 };
    const struct reel_read_options opt = reel_read_options_default();
    char *text = base_alloc(N), *data;
    for (int i = 0; i < N; i++) {
        text[i] = (char)(i % 251);
    }
    size_t n, n_seen = 0;
    assert_ok(open_bytes("t", text, N, &opt), err);
    assert_ok(catalog_input_all(in, N, &data, &n, &err), err);
    assert_int_equal(n, N);
    assert_memory_equal(data, text, N);
    assert_int_equal(data[n], 0);
    close_all();
    assert_ok(open_bytes("t", text, N, &opt), err);
    assert_int_equal(catalog_input_all(in, N - 1, &data, &n, &err), REEL_EFORMAT);
    close_all();
    assert_ok(open_bytes("t", text, N, &opt), err);
    do {
        assert_ok(catalog_input_chunk(in, &data, &n, &err), err);
        assert_true(n_seen + n <= N);
        assert_memory_equal(data, text + n_seen, n);
        n_seen += n;
    } while (n > 0);
    assert_int_equal(n_seen, N);
    close_all();
    base_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_lf_crlf_or_the_file),
        cmocka_unit_test(lines_are_whole_across_windows),
        cmocka_unit_test(records_keep_quoted_line_ends_together),
        cmocka_unit_test(latin1_becomes_utf8_on_demand),
        cmocka_unit_test(hostile_text_gives_one_clear_line),
        cmocka_unit_test(friendly_text_is_taken),
        cmocka_unit_test(long_lines_end_the_reading_at_the_limit),
        cmocka_unit_test(hostile_archives_are_refused),
        cmocka_unit_test(archives_are_read_like_folders),
        cmocka_unit_test(members_are_found_by_name_shallow_first),
        cmocka_unit_test(members_of_a_zip_are_read_in_any_order),
        cmocka_unit_test(missing_source_is_not_found),
        cmocka_unit_test(all_and_chunks_give_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
