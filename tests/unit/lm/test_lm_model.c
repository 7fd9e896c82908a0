/** What a GGUF file says of itself, and every way in which one can lie. */
#include "unit.h"

#include <forkreel/lm.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** A small GGUF file as it is written byte by byte. */
struct bytes {
    unsigned char at[8192];
    size_t n;
};

static void put(struct bytes *b, const void *from, size_t n_bytes)
{
    assert_true(b->n + n_bytes <= sizeof b->at);
    memcpy(b->at + b->n, from, n_bytes);
    b->n += n_bytes;
}

static void put_u32(struct bytes *b, uint32_t value)
{
    put(b, &value, sizeof value);
}

static void put_u64(struct bytes *b, uint64_t value)
{
    put(b, &value, sizeof value);
}

static void put_string(struct bytes *b, const char *text)
{
    put_u64(b, strlen(text));
    put(b, text, strlen(text));
}

static void put_text_pair(struct bytes *b, const char *key, const char *text)
{
    put_string(b, key);
    put_u32(b, 8);
    put_string(b, text);
}

static void put_u32_pair(struct bytes *b, const char *key, uint32_t value)
{
    put_string(b, key);
    put_u32(b, 4);
    put_u32(b, value);
}

#define N_PAIRS 7

/** A whole model of one 4 x 3 F32 tensor and three tokens. */
static struct bytes tiny(void)
{
    static const char *const token[] = {"<s>", "\xe5\x8f\x89", "fork"};
    struct bytes b = {.n = 0};
    put(&b, "GGUF", 4);
    put_u32(&b, 3);
    put_u64(&b, 1);
    put_u64(&b, N_PAIRS);
    put_text_pair(&b, "general.architecture", "llama");
    put_text_pair(&b, "general.name", "Tiny \xe5\x8f\x89");
    put_u32_pair(&b, "general.file_type", 0);
    put_u32_pair(&b, "llama.context_length", 64);
    put_u32_pair(&b, "llama.embedding_length", 4);
    put_text_pair(&b, "tokenizer.chat_template", "{{ messages }}");
    put_string(&b, "tokenizer.ggml.tokens");
    put_u32(&b, 9);
    put_u32(&b, 8);
    put_u64(&b, 3);
    for (int i = 0; i < 3; i++) {
        put_string(&b, token[i]);
    }
    put_string(&b, "token_embd.weight");
    put_u32(&b, 2);
    put_u64(&b, 4);
    put_u64(&b, 3);
    put_u32(&b, 0);
    put_u64(&b, 0);
    while (b.n % 32 != 0) {
        put(&b, "", 1);
    }
    for (int i = 0; i < 12; i++) {
        put(&b, &(float){(float)i}, sizeof(float));
    }
    while (b.n % 32 != 0) {
        put(&b, "", 1);
    }
    return b;
}

static enum reel_status read_bytes(const void *data, size_t n_bytes,
                                   struct reel_lm_info *info, struct reel_error *err)
{
    char path[] = "/tmp/forkreel-lm-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n_bytes), (ssize_t)n_bytes);
    close(fd);
    const enum reel_status rc = reel_lm_info_read(path, info, err);
    unlink(path);
    return rc;
}

/** `b` is refused as damaged, with one line that holds `words`; nothing is left in info. */
static void assert_refused(const struct bytes *b, const char *words)
{
    static const struct reel_lm_info nothing;
    struct reel_lm_info info;
    struct reel_error err = {0};
    assert_int_equal(read_bytes(b->at, b->n, &info, &err), REEL_EFORMAT);
    if (!strstr(err.text, words) || strchr(err.text, '\n')) {
        fail_msg("'%s' does not say '%s' in one line", err.text, words);
    }
    assert_memory_equal(&info, &nothing, sizeof info);
}

static size_t find(const struct bytes *b, const char *text)
{
    const unsigned char *at = memmem(b->at, b->n, text, strlen(text));
    assert_non_null(at);
    return (size_t)(at - b->at);
}

static void tells_what_the_file_says(void **state)
{
    (void)state;
    const struct bytes b = tiny();
    struct reel_lm_info info;
    struct reel_error err = {0};
    assert_ok(read_bytes(b.at, b.n, &info, &err), err);
    assert_string_equal(info.architecture, "llama");
    assert_string_equal(info.name, "Tiny \xe5\x8f\x89");
    assert_string_equal(info.file_type, "all F32");
    assert_int_equal(info.n_parameters, 12);
    assert_int_equal(info.file_bytes, b.n);
    assert_int_equal(info.n_context, 64);
    assert_int_equal(info.n_embedding, 4);
    assert_int_equal(info.n_vocabulary, 3);
    assert_int_equal(info.n_layers, 0);
    assert_true(info.has_chat_template);
}

static void refuses_every_shorter_file(void **state)
{
    (void)state;
    const struct bytes whole = tiny();
    for (size_t n = 0; n < whole.n - 16; n++) { // 48 bytes of data, padded to 64
        struct bytes b = whole;
        b.n = n;
        assert_refused(&b, "/tmp/forkreel-lm-");
    }
}

static void survives_every_changed_byte(void **state)
{
    (void)state;
    static const unsigned char value[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    const struct bytes whole = tiny();
    for (size_t i = 0; i < whole.n; i++) {
        for (size_t v = 0; v < sizeof value; v++) {
            struct bytes b = whole;
            struct reel_lm_info info;
            struct reel_error err = {0};
            b.at[i] = value[v];
            const enum reel_status rc = read_bytes(b.at, b.n, &info, &err);
            assert_true(rc == REEL_OK || rc == REEL_EFORMAT);
        }
    }
}

static void refuses_what_is_not_gguf(void **state)
{
    (void)state;
    struct bytes b = tiny();
    b.at[0] = 'g';
    assert_refused(&b, "not a GGUF file");
    b = (struct bytes){.n = 0};
    assert_refused(&b, "not a GGUF file");
    b = tiny();
    memcpy(b.at + 4, &(uint32_t){1}, 4);
    assert_refused(&b, "version 1");
    memcpy(b.at + 4, &(uint32_t){77}, 4);
    assert_refused(&b, "version 77");
}

static void refuses_counts_beyond_the_file(void **state)
{
    (void)state;
    struct bytes b = tiny();
    memcpy(b.at + 8, &(uint64_t){UINT64_MAX}, 8);
    assert_refused(&b, "18446744073709551615 tensors");
    b = tiny();
    memcpy(b.at + 16, &(uint64_t){(uint64_t)1 << 60}, 8);
    assert_refused(&b, "1152921504606846976 values");
    b = tiny();
    memcpy(b.at + 16, &(uint64_t){N_PAIRS + 1}, 8); // the tensor read as one more value
    assert_refused(&b, "damaged or cut short");
}

static void refuses_lengths_beyond_the_file(void **state)
{
    (void)state;
    struct bytes b = tiny();
    memcpy(b.at + find(&b, "general.architecture") - 8, &(uint64_t){UINT64_MAX - 7}, 8);
    assert_refused(&b, "value 1 of 7");
    b = tiny(); // a billion tokens
    memcpy(b.at + find(&b, "tokenizer.ggml.tokens") + 21 + 8, &(uint64_t){1000000000}, 8);
    assert_refused(&b, "value 7 of 7");
    b = tiny(); // an array of arrays
    memcpy(b.at + find(&b, "tokenizer.ggml.tokens") + 21 + 4, &(uint32_t){9}, 4);
    assert_refused(&b, "value 7 of 7");
    b = tiny(); // 200 dimensions
    memcpy(b.at + find(&b, "token_embd.weight") + 17, &(uint32_t){200}, 4);
    assert_refused(&b, "tensor 1 of 1");
}

static void refuses_shapes_that_overflow_or_lie(void **state)
{
    (void)state;
    struct bytes b = tiny();
    const size_t shape = find(&b, "token_embd.weight") + 17 + 4;
    memcpy(b.at + shape, &(uint64_t){(uint64_t)1 << 62}, 8);
    assert_refused(&b, "token_embd.weight");
    b = tiny();
    memcpy(b.at + shape, &(int64_t){-4}, 8);
    assert_refused(&b, "token_embd.weight");
    b = tiny();
    memcpy(b.at + shape, &(uint64_t){4000}, 8);
    assert_refused(&b, "cut short, tensor token_embd.weight");
}

static void takes_no_value_of_another_type(void **state)
{
    (void)state;
    struct bytes b = tiny(); // the architecture as a number: llama.cpp would abort on it
    const size_t type = find(&b, "llama.context_length") + 20;
    memcpy(b.at + type, &(uint32_t){6}, 4); // a float where a whole number should be
    struct reel_lm_info info;
    assert_int_equal(read_bytes(b.at, b.n, &info, NULL), REEL_OK);
    assert_int_equal(info.n_context, 0);

    b = (struct bytes){.n = 0};
    put(&b, "GGUF", 4);
    put_u32(&b, 3);
    put_u64(&b, 0);
    put_u64(&b, 1);
    put_u32_pair(&b, "general.architecture", 5);
    assert_refused(&b, "names no architecture");
}

static void keeps_the_terminal_safe_from_names(void **state)
{
    (void)state;
    struct bytes b = tiny();
    memcpy(b.at + find(&b, "Tiny"), "\x1b[2J\xff\xe5\x01", 7); // and 0x89 is left over
    struct reel_lm_info info;
    assert_int_equal(read_bytes(b.at, b.n, &info, NULL), REEL_OK);
    assert_string_equal(info.name, "?[2J????");
}

static void says_that_there_is_no_file(void **state)
{
    (void)state;
    struct reel_lm_info info;
    struct reel_error err = {0};
    assert_int_equal(reel_lm_info_read("/nowhere/at/all.gguf", &info, &err),
                     REEL_ENOTFOUND);
    assert_non_null(strstr(err.text, "/nowhere/at/all.gguf"));
}

/* Marked `model`: needs the default model that scripts/setup demo brings. */
static void reads_the_default_model(void **state)
{
    (void)state;
    const char *cache = getenv("FORKREEL_CACHE");
    char path[4096];
    snprintf(path, sizeof path, "%s/models/SmolLM2-135M-Instruct.Q4_1.gguf",
             cache ? cache : "");
    if (!cache || access(path, R_OK) != 0) {
        skip();
    }
    struct reel_lm_info info;
    struct reel_error err = {0};
    assert_ok(reel_lm_info_read(path, &info, &err), err);
    assert_string_equal(info.architecture, "llama");
    assert_string_equal(info.file_type, "Q4_1");
    assert_int_equal(info.n_vocabulary, 49152);
    assert_in_range(info.n_parameters, 134000000, 136000000);
    assert_int_equal(info.n_layers, 30);
    assert_true(info.has_chat_template);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_the_file_says),
        cmocka_unit_test(refuses_every_shorter_file),
        cmocka_unit_test(survives_every_changed_byte),
        cmocka_unit_test(refuses_what_is_not_gguf),
        cmocka_unit_test(refuses_counts_beyond_the_file),
        cmocka_unit_test(refuses_lengths_beyond_the_file),
        cmocka_unit_test(refuses_shapes_that_overflow_or_lie),
        cmocka_unit_test(takes_no_value_of_another_type),
        cmocka_unit_test(keeps_the_terminal_safe_from_names),
        cmocka_unit_test(says_that_there_is_no_file),
        cmocka_unit_test(reads_the_default_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
