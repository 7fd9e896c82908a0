/** Sections of blocks: where they are put, and which tables of them are believed. */
#include "base_block.h"
#include "unit.h"

static void sections_lie_one_behind_the_other_on_their_alignment(void **state)
{
    (void)state;
    struct base_section section[3] = {0};
    uint64_t n_bytes = BASE_BLOCK_HEADER_BYTES;
    assert_true(base_section_place(&section[2], 4, 17, &n_bytes)); // 68 bytes
    assert_int_equal(n_bytes, 4096 + 128);
    assert_true(base_section_place(&section[0], 8, 0, &n_bytes)); // nothing is something
    assert_true(base_section_place(&section[1], 1, 64, &n_bytes));
    assert_int_equal(n_bytes, 4096 + 128 + 64);
    assert_int_equal(section[2].offset, 4096);
    assert_int_equal(section[0].offset, 4096 + 128);
    assert_int_equal(section[1].offset, 4096 + 128);
    struct reel_error err;
    assert_ok(base_sections_check(section, 3, n_bytes, &err), err);
    assert_ok(base_section_expect(section, 2, 4, 17, &err), err);
    assert_ok(base_section_expect(section, 0, 8, 0, &err), err);
}

static void what_no_memory_can_hold_is_not_placed(void **state)
{
    (void)state;
    struct base_section section = {0};
    uint64_t n_bytes = BASE_BLOCK_HEADER_BYTES;
    assert_false(base_section_place(&section, 8, UINT64_MAX / 4, &n_bytes));
    assert_false(base_section_place(&section, 8, (uint64_t)1 << 60, &n_bytes));
    assert_int_equal(n_bytes, BASE_BLOCK_HEADER_BYTES);
    assert_int_equal(section.is_present, 0);
}

static void a_section_outside_the_file_is_refused(void **state)
{
    (void)state;
    const uint64_t n_file = 8192;
    static const struct base_section wrong[] = {
        {.offset = 0, .n_items = 1, .item_bytes = 8, .is_present = 1},    // the header
        {.offset = 4100, .n_items = 1, .item_bytes = 8, .is_present = 1}, // crooked
        {.offset = 8128, .n_items = 9, .item_bytes = 8, .is_present = 1}, // over the end
        {.offset = 1u << 30, .n_items = 1, .item_bytes = 8, .is_present = 1},
        {.offset = 4096, .n_items = UINT64_MAX, .item_bytes = 8, .is_present = 1},
        {.offset = UINT64_MAX - 63, .n_items = 9, .item_bytes = 8, .is_present = 1},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct base_section section[2] = {{0}, wrong[i]};
        struct reel_error err;
        assert_int_equal(base_sections_check(section, 2, n_file, &err), REEL_EFORMAT);
        assert_string_equal(err.text, "section 1 lies outside the file");
        section[1].is_present = 0; // what is not there lies nowhere
        assert_ok(base_sections_check(section, 2, n_file, &err), err);
    }
}

static void a_section_of_another_shape_is_refused(void **state)
{
    (void)state;
    struct base_section section = {
        .offset = 4096, .n_items = 12, .item_bytes = 4, .is_present = 1};
    struct reel_error err;
    assert_ok(base_section_expect(&section, 0, 4, 12, &err), err);
    assert_int_equal(base_section_expect(&section, 0, 4, 11, &err), REEL_EFORMAT);
    assert_string_equal(err.text, "section 0 holds 12 items where 11 belong");
    assert_int_equal(base_section_expect(&section, 0, 8, 12, &err), REEL_EFORMAT);
    section.is_present = 0;
    assert_int_equal(base_section_expect(&section, 0, 4, 12, &err), REEL_EFORMAT);
    assert_string_equal(err.text, "section 0 holds 0 items where 12 belong");
}

// The sum is FNV-1a; "foobar" is among the published values of it.
static void the_sum_of_a_header_leaves_itself_out(void **state)
{
    (void)state;
    assert_true(base_header_sum("foobar", 6, 6) == 0x85944171f73967e8u);
    unsigned char header[24] = "header with a sum in it";
    const uint64_t sum = base_header_sum(header, sizeof header, 8);
    memset(header + 8, 0xff, 8);
    assert_true(base_header_sum(header, sizeof header, 8) == sum);
    header[16] ^= 1;
    assert_false(base_header_sum(header, sizeof header, 8) == sum);
    header[16] ^= 1;
    header[7] ^= 1;
    assert_false(base_header_sum(header, sizeof header, 8) == sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_lie_one_behind_the_other_on_their_alignment),
        cmocka_unit_test(what_no_memory_can_hold_is_not_placed),
        cmocka_unit_test(a_section_outside_the_file_is_refused),
        cmocka_unit_test(a_section_of_another_shape_is_refused),
        cmocka_unit_test(the_sum_of_a_header_leaves_itself_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
