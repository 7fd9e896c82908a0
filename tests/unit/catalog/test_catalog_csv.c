/** Fields of rows, delimiters and columns. */
#include "unit.h"

#include "catalog_csv.h"

#include "base_buffer.h"

static struct catalog_source *source;
static struct catalog_input *in;
static struct catalog_csv csv;
static struct reel_read_options opt;
static struct reel_error err;

static void open_text(const char *text)
{
    const struct catalog_memory memory = {
        .name = "t", .data = text, .n_bytes = strlen(text)};
    opt = reel_read_options_default();
    assert_ok(catalog_source_open_memory(&memory, 1, &opt, &source, &err), err);
    assert_ok(catalog_input_open(source, 0, &in, &err), err);
}

static void close_all(void)
{
    catalog_csv_release(&csv);
    catalog_input_close(in);
    catalog_source_close(source);
}

// The rows that are left, fields in brackets.
static void expect_rows(const char *expected)
{
    struct base_buffer told;
    bool is_row;
    base_buffer_init(&told, 1 << 16);
    for (;;) {
        assert_ok(catalog_csv_next(&csv, &is_row, &err), err);
        if (!is_row) {
            break;
        }
        for (int32_t i = 0; i < csv.n_fields; i++) {
            assert_true(base_buffer_print(&told, "[%s]", csv.field[i]));
        }
        assert_true(base_buffer_add_text(&told, "\n"));
    }
    assert_string_equal(base_buffer_text(&told), expected);
    base_buffer_release(&told);
}

static void fields_are_cut_as_rfc4180_says(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rows;
    } cases[] = {
        {"h\na,b,c\n", "[a][b][c]\n"},
        {"h\n,,\n", "[][][]\n"},
        {"h\n\"a,b\",c\n", "[a,b][c]\n"},
        {"h\n\"say \"\"fog\"\"\",\"\"\n", "[say \"fog\"][]\n"},
        {"h\n\"two\nlines\",x\n", "[two\nlines][x]\n"},
        {"h\n5\" tape,x\n", "[5\" tape][x]\n"},
        {"h\n\"a\"b,c\n", "[ab][c]\n"},
        {"h\n a , b c ,  \n", "[a][b c][]\n"},
        {"h\n\" a \",b\n", "[ a ][b]\n"},
        {"h\r\n\r\na,b\r\n\r\n", "[a][b]\n"},
        {"h\na,b", "[a][b]\n"},
        {"h\n\"\"\"\"\n", "[\"]\n"},
        {"h\n", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        open_text(cases[i].text);
        assert_ok(catalog_csv_init(&csv, in, ',', &err), err);
        expect_rows(cases[i].rows);
        close_all();
    }
}

static void delimiter_is_the_one_the_header_has_most(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        char delimiter;
    } cases[] = {
        {"a,b,c", ','}, {"a;b;c", ';'},   {"a\tb\tc", '\t'},
        {"a", ','},     {"a;b,c;d", ';'}, {"\"a;b;c\",d", ','},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(catalog_csv_guess_delimiter(cases[i].header),
                         cases[i].delimiter);
    }
    open_text(" Name ;\"Your; Rating\"\nx;\"1\n2\"\n");
    assert_ok(catalog_csv_init(&csv, in, '\0', &err), err);
    assert_int_equal(catalog_csv_column(&csv, "name"), 0);
    assert_int_equal(catalog_csv_column(&csv, "your; rating"), 1);
    assert_int_equal(catalog_csv_column(&csv, "other"), -1);
    expect_rows("[x][1\n2]\n");
    close_all();
}

static void fields_that_are_not_there_are_empty(void **state)
{
    (void)state;
    bool is_row;
    open_text("a,b\n1\n");
    assert_ok(catalog_csv_init(&csv, in, ',', &err), err);
    assert_ok(catalog_csv_next(&csv, &is_row, &err), err);
    assert_string_equal(catalog_csv_field(&csv, 0), "1");
    assert_string_equal(catalog_csv_field(&csv, 1), "");
    assert_string_equal(catalog_csv_field(&csv, -1), "");
    close_all();
}

static void raw_tables_know_no_quotes(void **state)
{
    (void)state;
    open_text("id\ttitle\n1\t\"Fog\n2\ta\"\"b \n");
    assert_ok(catalog_csv_init_raw(&csv, in, &err), err);
    assert_int_equal(csv.n_columns, 2);
    expect_rows("[1][\"Fog]\n[2][a\"\"b ]\n");
    close_all();
    open_text("1|2||\n");
    assert_ok(catalog_csv_init_bare(&csv, in, '|', &err), err);
    expect_rows("[1][2][][]\n");
    close_all();
}

static void empty_files_and_endless_rows_are_refused(void **state)
{
    (void)state;
    open_text("\n\n");
    assert_int_equal(catalog_csv_init(&csv, in, ',', &err), REEL_EFORMAT);
    assert_string_equal(err.text, "t: empty");
    close_all();
    char text[3000];
    memset(text, ',', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    open_text(text);
    assert_int_equal(catalog_csv_init(&csv, in, ',', &err), REEL_EFORMAT);
    assert_string_equal(err.text, "t:1: more than 1024 columns");
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_cut_as_rfc4180_says),
        cmocka_unit_test(delimiter_is_the_one_the_header_has_most),
        cmocka_unit_test(fields_that_are_not_there_are_empty),
        cmocka_unit_test(raw_tables_know_no_quotes),
        cmocka_unit_test(empty_files_and_endless_rows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
