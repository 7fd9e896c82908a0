/** The byte-level vocabulary: cutting, training, encoding, keeping. */
#include "../../parity/bpe_cases.h"
#include "unit.h"

#include "base_alloc.h"
#include "base_rng.h"
#include "lm_bpe.h"
#include "lm_bpe_core.h"

#include <stdlib.h>

static const struct reel_progress silent;

static struct lm_bpe *train_on(const char *text, int32_t n_tokens)
{
    struct lm_bpe_count *count;
    struct lm_bpe *bpe;
    struct reel_error err;
    assert_ok(lm_bpe_count_create(&count, &err), err);
    assert_ok(lm_bpe_count_add(count, text, strlen(text), &err), err);
    assert_ok(lm_bpe_train(count, n_tokens, 2, &silent, &bpe, &err), err);
    lm_bpe_count_free(count);
    return bpe;
}

static void assert_words(const char *text, const char *const *word)
{
    size_t at = 0;
    for (; *word; word++) {
        const size_t n = lm_bpe_cut(text + at, strlen(text) - at);
        assert_int_equal(n, strlen(*word));
        assert_memory_equal(text + at, *word, n);
        at += n;
    }
    assert_int_equal(at, strlen(text));
}

static void bpe_cuts_text_as_qwen2_does(void **state)
{
    (void)state;
    assert_words("It's 25 °C, he'LL  go!!\n\n",
                 (const char *[]){"It", "'s", " ", "2", "5", " °", "C", ",", " he", "'LL",
                                  " ", " go", "!!\n\n", NULL});
    assert_words("电影里，他2次说：“再见。”\n他走了",
                 (const char *[]){"电影里", "，他", "2", "次说", "：“", "再见", "。”\n",
                                  "他走了", NULL});
    assert_words(" \t\n  x\r\n\r\n",
                 (const char *[]){" \t\n", " ", " x", "\r\n\r\n", NULL});
    assert_words("a   ", (const char *[]){"a", "   ", NULL});
    assert_words("\xff\xc3(", (const char *[]){"\xff\xc3(", NULL}); // malformed: signs
}

// Whatever the bytes: words are never empty and together they are the text.
static void bpe_cuts_every_byte_once(void **state)
{
    (void)state;
    struct base_rng rng;
    char text[64];
    base_rng_init(&rng, 1, 1);
    for (int round = 0; round < 20000; round++) {
        const size_t n = 1 + base_rng_below(&rng, sizeof text);
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)base_rng_below(&rng, 256);
        }
        for (size_t at = 0; at < n;) {
            const size_t n_word = lm_bpe_cut(text + at, n - at);
            assert_in_range(n_word, 1, n - at);
            at += n_word;
        }
    }
}

static void assert_decodes(const struct lm_bpe *bpe, const struct lm_bpe_tokens *tokens,
                           const char *text)
{
    size_t at = 0, n;
    for (size_t i = 0; i < tokens->n; i++) {
        const char *bytes = lm_bpe_bytes(bpe, tokens->token[i], &n);
        assert_true(at + n <= strlen(text));
        assert_memory_equal(bytes, text + at, n);
        at += n;
    }
    assert_int_equal(at, strlen(text));
}

// Tokens and merges of PyPI tokenizers on the same text (tests/parity/bpe_cases.py).
static void bpe_learns_the_merges_of_tokenizers(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT_OF(bpe_case); c++) {
        struct reel_error err;
        struct lm_bpe_tokens tokens = {0};
        struct lm_bpe *bpe = train_on(bpe_case[c].text, bpe_case[c].n_tokens);
        int32_t n_merges;
        const int32_t *merge = lm_bpe_merges(bpe, &n_merges);
        assert_int_equal(n_merges, bpe_case[c].n_merges);
        assert_memory_equal(merge, bpe_case[c].merge,
                            2 * (size_t)n_merges * sizeof *merge);
        const char *asked = bpe_case[c].asked;
        assert_ok(lm_bpe_encode(bpe, asked, strlen(asked), &tokens, &err), err);
        assert_int_equal(tokens.n, bpe_case[c].n_encoded);
        assert_memory_equal(tokens.token, bpe_case[c].encoded,
                            tokens.n * sizeof *tokens.token);
        assert_decodes(bpe, &tokens, asked);
        lm_bpe_tokens_release(&tokens);
        lm_bpe_free(bpe);
    }
}

/* ---- naive twins ---- */

/** Encode a word by trying all merges in their order again and again. */
static size_t encode_naively(const struct lm_bpe *bpe, const char *word, size_t n,
                             int32_t *token)
{
    int32_t n_merges;
    const int32_t *merge = lm_bpe_merges(bpe, &n_merges);
    for (size_t i = 0; i < n; i++) {
        token[i] = lm_bpe_byte(bpe, (unsigned char)word[i]);
    }
    for (int32_t m = 0; m < n_merges;) {
        size_t i = 0;
        while (i + 1 < n &&
               (token[i] != merge[2 * m] || token[i + 1] != merge[2 * m + 1])) {
            i++;
        }
        if (i + 1 >= n) {
            m++;
            continue;
        }
        token[i] = lm_bpe_product(bpe, merge[2 * m], merge[2 * m + 1]);
        memmove(token + i + 1, token + i + 2, (n - i - 2) * sizeof *token);
        n--;
        m = 0; // an earlier merge may have become possible
    }
    return n;
}

static void bpe_encodes_as_the_naive_twin(void **state)
{
    (void)state;
    static const char *const piece[] = {"a", "aa", "ab", "ba", " ", ".", "..", "的", "1"};
    char text[3000] = "";
    struct base_rng rng;
    struct reel_error err;
    base_rng_init(&rng, 7, 7);
    while (strlen(text) + 4 < sizeof text) {
        strncat(text, piece[base_rng_below(&rng, COUNT_OF(piece))], 3);
    }
    struct lm_bpe *bpe = train_on(text, 400);
    size_t n_all = 0;
    for (int again = 0; again < 2; again++) { // the second time from what is remembered
        struct lm_bpe_tokens tokens = {0};
        assert_ok(lm_bpe_encode(bpe, text, strlen(text), &tokens, &err), err);
        n_all = 0;
        for (size_t at = 0; text[at];) {
            int32_t naive[1024];
            const size_t n = lm_bpe_cut(text + at, strlen(text) - at);
            const size_t n_naive = encode_naively(bpe, text + at, n, naive);
            assert_memory_equal(tokens.token + n_all, naive, n_naive * sizeof *naive);
            n_all += n_naive;
            at += n;
        }
        assert_int_equal(n_all, tokens.n);
        lm_bpe_tokens_release(&tokens);
    }
    assert_true(n_all < strlen(text) / 2);
    lm_bpe_free(bpe);
}

static void bpe_encodes_a_word_of_a_megabyte(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    struct reel_error err;
    struct lm_bpe_tokens tokens = {0};
    struct lm_bpe *bpe = train_on("aaaaaaaa aaaaaaaa", 300);
    char *text = malloc(N + 1);
    memset(text, 'a', N);
    text[N] = 0;
    assert_ok(lm_bpe_encode(bpe, text, N, &tokens, &err), err);
    assert_int_equal(tokens.n, N / 8);
    free(text);
    lm_bpe_tokens_release(&tokens);
    lm_bpe_free(bpe);
}

/* ---- keeping ---- */

static void bpe_is_made_again_from_its_merges(void **state)
{
    (void)state;
    struct reel_error err;
    struct lm_bpe *bpe = train_on(bpe_case[0].text, 400), *again;
    int32_t n_merges, n_again;
    const int32_t *merge = lm_bpe_merges(bpe, &n_merges);
    assert_ok(lm_bpe_from_merges(merge, n_merges, &again, &err), err);
    assert_memory_equal(lm_bpe_merges(again, &n_again), merge,
                        2 * (size_t)n_merges * sizeof *merge);
    assert_int_equal(n_again, n_merges);
    assert_int_equal(lm_bpe_n_tokens(again), lm_bpe_n_tokens(bpe));
    lm_bpe_free(again);
    lm_bpe_free(bpe);
}

static void bpe_rejects_merges_that_cannot_be(void **state)
{
    (void)state;
    static const int32_t bad[][4] = {
        {0, 5, 0, 0},          // the end merges with nothing
        {300, 5, 0, 0},        // not there yet
        {5, 257, 0, 0},        // itself
        {-1, 5, 0, 0},         // no token
        {70, 71, 70, 71},      // twice
        {70, 71, 1 << 30, 71}, // far outside
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct lm_bpe *bpe;
        struct reel_error err;
        assert_int_equal(lm_bpe_from_merges(bad[i], 2, &bpe, &err), REEL_EFORMAT);
        assert_null(bpe);
    }
    int32_t doubling[2 * 40]; // a token of 2^40 bytes
    for (int32_t i = 0; i < 40; i++) {
        doubling[2 * i] = doubling[2 * i + 1] = i == 0 ? 70 : 256 + i;
    }
    struct lm_bpe *bpe;
    struct reel_error err;
    assert_int_equal(lm_bpe_from_merges(doubling, 40, &bpe, &err), REEL_EFORMAT);
}

static void bpe_forgets_rare_words_when_there_are_too_many(void **state)
{
    (void)state;
    struct lm_bpe_count *count;
    struct lm_bpe *bpe;
    struct reel_error err;
    char word[32];
    assert_ok(lm_bpe_count_create(&count, &err), err);
    lm_bpe_count_limit(count, 1000);
    for (unsigned i = 0; i < 26 * 26 * 26; i++) {
        (void)snprintf(word, sizeof word, " %c%c%c the", 'a' + (int)(i % 26),
                       'a' + (int)(i / 26 % 26), 'a' + (int)(i / 676));
        assert_ok(lm_bpe_count_add(count, word, strlen(word), &err), err);
        assert_true(lm_bpe_count_n(count) <= 1000);
    }
    assert_ok(lm_bpe_train(count, 260, 1000, &silent, &bpe, &err), err);
    assert_int_equal(lm_bpe_n_tokens(bpe), 260); // "th", "the" and " the"
    lm_bpe_free(bpe);
    lm_bpe_count_free(count);
}

static void bpe_reports_every_failed_allocation(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        struct lm_bpe_count *count = NULL;
        struct lm_bpe *bpe = NULL;
        struct lm_bpe_tokens tokens = {0};
        struct reel_error err;
        const char *text = bpe_case[0].text;
        base_alloc_fail_after(n);
        enum reel_status rc = lm_bpe_count_create(&count, &err);
        rc = rc ? rc : lm_bpe_count_add(count, text, 300, &err);
        rc = rc ? rc : lm_bpe_train(count, 300, 2, &silent, &bpe, &err);
        rc = rc ? rc : lm_bpe_encode(bpe, text, 300, &tokens, &err);
        base_alloc_fail_after(-1);
        lm_bpe_count_free(count);
        lm_bpe_free(bpe);
        lm_bpe_tokens_release(&tokens);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bpe_cuts_text_as_qwen2_does),
        cmocka_unit_test(bpe_cuts_every_byte_once),
        cmocka_unit_test(bpe_learns_the_merges_of_tokenizers),
        cmocka_unit_test(bpe_encodes_as_the_naive_twin),
        cmocka_unit_test(bpe_encodes_a_word_of_a_megabyte),
        cmocka_unit_test(bpe_is_made_again_from_its_merges),
        cmocka_unit_test(bpe_rejects_merges_that_cannot_be),
        cmocka_unit_test(bpe_forgets_rare_words_when_there_are_too_many),
        cmocka_unit_test(bpe_reports_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
