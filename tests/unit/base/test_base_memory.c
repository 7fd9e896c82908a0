#include "base_alloc.h"
#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "base_hash.h"

#include "unit.h"

#include <stdio.h>

static void alloc_refuses_a_product_that_overflows(void **state)
{
    (void)state;
    assert_null(base_alloc_array(SIZE_MAX / 2, 4));
    assert_null(base_alloc_aligned(SIZE_MAX / 2, 4));
    assert_null(base_realloc_array(NULL, SIZE_MAX / 2, 4));
}

static void alloc_fails_after_the_number_asked_for(void **state)
{
    (void)state;
    base_alloc_fail_after(1);
    void *first = base_alloc(8);
    void *second = base_alloc(8);
    base_alloc_fail_after(-1);
    void *third = base_alloc(8);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    base_free(first);
    base_free(third);
}

static void alloc_aligned_is_aligned(void **state)
{
    (void)state;
    for (size_t n = 0; n < 200; n += 7) {
        void *p = base_alloc_aligned(n, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        base_free(p);
    }
}

static void arena_keeps_what_it_gave_and_stops_at_its_limit(void **state)
{
    (void)state;
    struct base_arena arena;
    base_arena_init(&arena, 100000);
    char *kept[100];
    for (int i = 0; i < 100; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "text number %d", i);
        kept[i] = base_arena_strdup(&arena, text);
        assert_non_null(kept[i]);
        assert_int_equal((uintptr_t)kept[i] % 16, 0);
    }
    for (int i = 0; i < 100; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "text number %d", i);
        assert_string_equal(kept[i], text);
    }
    assert_null(base_arena_alloc(&arena, 100000, 1));
    assert_null(base_arena_alloc(&arena, SIZE_MAX, 2));
    assert_non_null(base_arena_alloc(&arena, 50000, 1));
    base_arena_clear(&arena);
    assert_non_null(base_arena_alloc(&arena, 100000 / 16 * 16, 1));
    base_arena_release(&arena);
}

static void buffer_is_unchanged_by_an_addition_that_fails(void **state)
{
    (void)state;
    struct base_buffer buffer;
    base_buffer_init(&buffer, 10);
    assert_string_equal(base_buffer_text(&buffer), "");
    assert_true(base_buffer_add_text(&buffer, "12345678"));
    assert_false(base_buffer_add_text(&buffer, "abc"));
    assert_string_equal(base_buffer_text(&buffer), "12345678");
    assert_true(base_buffer_print(&buffer, "%d", 90));
    assert_string_equal(base_buffer_text(&buffer), "1234567890");
    assert_false(base_buffer_print(&buffer, "%d", 1));
    base_buffer_clear(&buffer);
    assert_string_equal(base_buffer_text(&buffer), "");
    base_buffer_release(&buffer);
}

static void hash_finds_every_key_it_was_given(void **state)
{
    (void)state;
    struct reel_error err;
    struct base_hash *hash;
    assert_ok(base_hash_create(&hash, &err), err);
    char key[32];
    for (int64_t i = 0; i < 20000; i++) {
        const int n =
            snprintf(key, sizeof key, "%lld/%0*d", (long long)i, (int)(i % 12), 0);
        bool is_new;
        int64_t *value = base_hash_get_or_add(hash, key, (size_t)n, i, &is_new);
        assert_non_null(value);
        assert_true(is_new);
        assert_int_equal(*value, i);
    }
    assert_int_equal(base_hash_n(hash), 20000);
    for (int64_t i = 0; i < 20000; i++) {
        const int n =
            snprintf(key, sizeof key, "%lld/%0*d", (long long)i, (int)(i % 12), 0);
        int64_t value = -1;
        assert_true(base_hash_get(hash, key, (size_t)n, &value));
        assert_int_equal(value, i);
    }
    int64_t value = -1;
    assert_false(base_hash_get(hash, "absent", 6, &value));
    bool is_new;
    assert_non_null(base_hash_get_or_add(hash, "", 0, 7, &is_new));
    assert_true(is_new);
    assert_true(base_hash_get(hash, "", 0, &value));
    assert_int_equal(value, 7);
    base_hash_free(hash);
}

static void hash_survives_every_failed_allocation(void **state)
{
    (void)state;
    struct reel_error err;
    for (long n = 0; n < 40; n++) {
        base_alloc_fail_after(n);
        struct base_hash *hash;
        if (base_hash_create(&hash, &err) == REEL_OK) {
            for (uint32_t i = 0; i < 500; i++) {
                bool is_new;
                if (!base_hash_get_or_add(hash, (const char *)&i, sizeof i, i, &is_new)) {
                    break;
                }
            }
            base_alloc_fail_after(-1);
            for (uint32_t i = 0; i < base_hash_n(hash); i++) {
                int64_t value;
                assert_true(base_hash_get(hash, (const char *)&i, sizeof i, &value));
            }
        }
        base_alloc_fail_after(-1);
        base_hash_free(hash);
    }
}

static void error_is_one_line_and_may_quote_itself(void **state)
{
    (void)state;
    struct reel_error err;
    assert_int_equal(fail(&err, REEL_EINVAL, "a\nb\x1b[31mc"), REEL_EINVAL);
    assert_string_equal(err.text, "a b [31mc");
    assert_int_equal(fail(&err, REEL_EIO, "x.csv: %s", err.text), REEL_EIO);
    assert_string_equal(err.text, "x.csv: a b [31mc");
    assert_int_equal(fail(NULL, REEL_EIO, "nobody listens"), REEL_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc_refuses_a_product_that_overflows),
        cmocka_unit_test(alloc_fails_after_the_number_asked_for),
        cmocka_unit_test(alloc_aligned_is_aligned),
        cmocka_unit_test(arena_keeps_what_it_gave_and_stops_at_its_limit),
        cmocka_unit_test(buffer_is_unchanged_by_an_addition_that_fails),
        cmocka_unit_test(hash_finds_every_key_it_was_given),
        cmocka_unit_test(hash_survives_every_failed_allocation),
        cmocka_unit_test(error_is_one_line_and_may_quote_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
