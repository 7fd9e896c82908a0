/** Documents, their packing into rows, and files of rows. */
#include "unit.h"

#include "base_alloc.h"
#include "base_file.h"
#include "base_rng.h"
#include "lm_corpus.h"
#include "lm_corpus_rows.h"
#include "lm_documents.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[4][128];
    static int i;
    char *out = path[i++ % 4];
    (void)snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "corpus-%ld", (long)getpid());
    return mkdir(folder, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const name[] = {"a.txt", "b.txt", "train.rows", "valid.rows"};
    for (size_t i = 0; i < COUNT_OF(name); i++) {
        (void)unlink(path_of(name[i]));
    }
    return rmdir(folder);
}

static void write_text(const char *name, const char *text)
{
    struct reel_error err;
    assert_ok(base_file_write(path_of(name), NULL, 0, text, strlen(text), &err), err);
}

/* ---- documents ---- */

static void assert_documents(enum reel_lm_documents kind, const char *const *wanted)
{
    const char *path[] = {path_of("a.txt"), path_of("b.txt")}, *text;
    const struct reel_lm_texts texts = {path, 2};
    struct lm_documents *documents;
    struct reel_error err;
    size_t n;
    assert_ok(lm_documents_open(&texts, kind, &documents, &err), err);
    for (; *wanted; wanted++) {
        assert_ok(lm_documents_next(documents, &text, &n, &err), err);
        assert_non_null(text);
        assert_int_equal(n, strlen(*wanted));
        assert_memory_equal(text, *wanted, n);
    }
    assert_ok(lm_documents_next(documents, &text, &n, &err), err);
    assert_null(text);
    lm_documents_close(documents);
}

static void documents_are_told_apart_in_every_way(void **state)
{
    (void)state;
    write_text("a.txt", "\n\n  one\ntwo \n \t\n\nthree\n");
    write_text("b.txt", "four\r\n\r\n\xe4\xba\x94\n");
    assert_documents(
        REEL_LM_DOCUMENTS_BLANK,
        (const char *[]){"  one\ntwo", "three", "four", "\xe4\xba\x94", NULL});
    assert_documents(
        REEL_LM_DOCUMENTS_LINE,
        (const char *[]){"  one", "two", "three", "four", "\xe4\xba\x94", NULL});
    assert_documents(
        REEL_LM_DOCUMENTS_FILE,
        (const char *[]){"  one\ntwo \n \t\n\nthree", "four\n\n\xe4\xba\x94", NULL});
}

static void documents_of_json_are_found_by_looking(void **state)
{
    (void)state;
    write_text("a.txt", "{\"text\": \"one\\ntwo\", \"id\": 1}\n\n{\"text\": \" \"}\n"
                        "{\"text\": \"\\u4e09\"}\n");
    write_text("b.txt", "plain\n\ntext {\n");
    assert_documents(REEL_LM_DOCUMENTS_AUTO, (const char *[]){"one\ntwo", "\xe4\xb8\x89",
                                                              "plain", "text {", NULL});
}

static void documents_that_are_no_json_are_told_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *line, *told;
    } bad[] = {{"{\"text\": \"one\"}\n{\"text\": 3}\n", "a.txt:2: no \"text\""},
               {"{\"text\": \"one\"}\n{\"text\": \"two\"\n", "a.txt:2: no JSON object"},
               {"{\"text\": \"a\\u0000b\"}\n", "a.txt:1: no JSON object"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *path[] = {path_of("a.txt")}, *text;
        const struct reel_lm_texts texts = {path, 1};
        struct lm_documents *documents;
        struct reel_error err;
        enum reel_status rc = REEL_OK;
        size_t n;
        write_text("a.txt", bad[i].line);
        assert_ok(lm_documents_open(&texts, REEL_LM_DOCUMENTS_JSON, &documents, &err),
                  err);
        do {
            rc = lm_documents_next(documents, &text, &n, &err);
        } while (rc == REEL_OK && text);
        assert_int_equal(rc, REEL_EFORMAT);
        assert_non_null(strstr(err.text, bad[i].told));
        lm_documents_close(documents);
    }
}

/* ---- rows ---- */

/** Documents of random lengths into rows and back: all there, each once, none cut needlessly. */
static void rows_hold_every_document_once(void **state)
{
    (void)state;
    enum { N_CONTEXT = 16, N_DOCUMENTS = 500, N_VOCABULARY = 70000 };
    struct lm_rows_writer writer;
    struct lm_corpus *corpus;
    struct base_rng rng;
    struct reel_error err;
    static int32_t length[N_DOCUMENTS + 1], seen[N_DOCUMENTS + 1];
    int32_t document[100] = {LM_BPE_END};
    int64_t n_asked = 0;
    base_rng_init(&rng, 4, 4);
    memset(seen, 0, sizeof seen);
    for (int part = 0; part < 2; part++) { // the second file only to be there
        assert_ok(lm_rows_create(&writer, path_of(part ? "valid.rows" : "train.rows"),
                                 N_CONTEXT, N_VOCABULARY, &err),
                  err);
        for (int32_t d = 1; d <= N_DOCUMENTS; d++) { // all tokens of document d are d
            length[d] = 1 + (int32_t)base_rng_below(&rng, d % 5 ? 12 : 80);
            for (int32_t i = 1; i <= length[d]; i++) {
                document[i] = 65500 + d;
            }
            n_asked += part ? 0 : length[d] + 1; // with the end
            lm_rows_add(&writer, document, (size_t)length[d] + 1);
        }
        assert_ok(lm_rows_close(&writer, &err), err);
        base_rng_init(&rng, 4, 4);
    }
    assert_ok(lm_corpus_open(folder, &corpus, &err), err);
    assert_ok(lm_corpus_verify(corpus, folder, &err), err);
    assert_int_equal(lm_corpus_n_context(corpus), N_CONTEXT);
    assert_int_equal(lm_corpus_n_tokens(corpus, LM_CORPUS_TRAIN), n_asked);
    const int64_t n_rows = lm_corpus_n_rows(corpus, LM_CORPUS_TRAIN);
    assert_in_range(n_rows * N_CONTEXT, n_asked, n_asked * 11 / 10);
    int64_t n_found = 0;
    for (int64_t r = 0; r < n_rows; r++) {
        int32_t token[N_CONTEXT], begin[N_CONTEXT], wanted[N_CONTEXT];
        assert_true(lm_corpus_row(corpus, LM_CORPUS_TRAIN, r, 100, token, begin, wanted));
        for (int32_t t = 0; t < N_CONTEXT; t++) {
            // A document sees itself alone, and what is asked is the token to come.
            const int32_t b = begin[t] - 100;
            assert_in_range(b, 0, t);
            assert_true(b == 0 || token[b] == LM_BPE_END);
            for (int32_t i = b + 1; i <= t; i++) {
                assert_int_not_equal(token[i], LM_BPE_END);
            }
            n_found += wanted[t] >= 0;
            assert_true(t + 1 == N_CONTEXT || wanted[t] < 0 || wanted[t] == token[t + 1]);
            assert_true(wanted[t] >= 0 || token[t] == LM_BPE_END);
            if (wanted[t] > 0) {
                const int32_t d = wanted[t] - 65500;
                seen[d]++;
                // What is shorter than a row stands in one row, behind its own begin.
                assert_true(length[d] + 1 > N_CONTEXT || token[b] == LM_BPE_END);
            }
        }
    }
    assert_int_equal(n_found, n_asked);
    assert_memory_equal(seen, length, sizeof seen);
    lm_corpus_close(corpus);
}

/* ---- the whole way ---- */

static void make(const char *text, struct lm_corpus_made *made, int32_t n_context)
{
    const char *path[] = {path_of("a.txt")};
    struct lm_corpus_options opt = lm_corpus_options_default();
    struct lm_bpe *bpe;
    struct reel_error err;
    write_text("a.txt", text);
    opt.texts = (struct reel_lm_texts){path, 1};
    opt.n_context = n_context;
    opt.valid_share = 0.2;
    assert_ok(lm_corpus_make(folder, &opt, &bpe, made, &err), err);
    lm_bpe_free(bpe);
}

static void corpus_leaves_out_what_was_there_before(void **state)
{
    (void)state;
    struct lm_corpus_made made;
    make("one two\n\nthree\n\none  two\n\nthree\n\nfour\n\n one\ntwo\n", &made, 8);
    assert_int_equal(made.n_documents, 4); // " one\ntwo" begins with a blank
    assert_int_equal(made.n_duplicates, 2);
    assert_int_equal(made.n_documents_of[LM_CORPUS_VALID], 1);
    assert_int_equal(made.n_documents_of[LM_CORPUS_TRAIN], 3);
}

static void corpus_splits_alike_in_any_order(void **state)
{
    (void)state;
    enum { N = 60 };
    struct lm_corpus_made made[2];
    char text[2][N * 8 + 1];
    for (int order = 0; order < 2; order++) {
        text[order][0] = 0;
        for (int i = 0; i < N; i++) {
            char document[16];
            (void)snprintf(document, sizeof document, "w%d\n\n", order ? N - 1 - i : i);
            strcat(text[order], document);
        }
        make(text[order], &made[order], 8);
    }
    assert_int_equal(made[0].n_documents_of[LM_CORPUS_VALID], N / 5);
    assert_memory_equal(&made[0], &made[1], sizeof made[0]);
}

static void corpus_of_one_line_is_refused_in_one_line(void **state)
{
    (void)state;
    static const char *const text[] = {"", "\n \n", "a single line\n",
                                       "twice\n\ntwice\n"};
    for (size_t i = 0; i < COUNT_OF(text); i++) {
        const char *path[] = {path_of("a.txt")};
        struct lm_corpus_options opt = lm_corpus_options_default();
        struct lm_corpus_made made;
        struct lm_bpe *bpe;
        struct reel_error err;
        write_text("a.txt", text[i]);
        (void)unlink(path_of("train.rows"));
        opt.texts = (struct reel_lm_texts){path, 1};
        assert_int_equal(lm_corpus_make(folder, &opt, &bpe, &made, &err), REEL_EFORMAT);
        assert_non_null(strstr(err.text, "two are needed"));
        assert_null(bpe);
        assert_int_not_equal(access(path_of("train.rows"), F_OK), 0);
    }
}

static void corpus_of_damaged_rows_is_refused(void **state)
{
    (void)state;
    struct lm_corpus_made made;
    struct lm_corpus *corpus;
    struct base_file_map map;
    struct reel_error err;
    make("one two\n\nthree\n\nfour five six\n\nseven\n", &made, 8);
    assert_ok(base_file_map_open(&map, path_of("train.rows"), &err), err);
    unsigned char *copy = malloc(map.n_bytes);
    for (size_t at = 0; at < map.n_bytes; at++) {
        memcpy(copy, map.data, map.n_bytes);
        copy[at] ^= 0x55;
        assert_ok(
            base_file_write(path_of("train.rows"), NULL, 0, copy, map.n_bytes, &err),
            err);
        enum reel_status rc = lm_corpus_open(folder, &corpus, &err);
        if (rc == REEL_OK) { // only what the sum is there for
            rc = lm_corpus_verify(corpus, folder, &err);
            lm_corpus_close(corpus);
            const bool is_unused = at >= 48 || (at >= 8 && at < 12); // room, version
            assert_true(rc == REEL_EFORMAT || is_unused);
        }
        assert_true(rc == REEL_EFORMAT || rc == REEL_EVERSION || rc == REEL_OK);
        assert_true(at < 64 || rc == REEL_EFORMAT);
        assert_ok(base_file_write(path_of("train.rows"), NULL, 0, map.data, at, &err),
                  err);
        assert_int_equal(lm_corpus_open(folder, &corpus, &err), REEL_EFORMAT);
    }
    free(copy);
    base_file_map_close(&map);
}

static void corpus_reports_every_failed_allocation(void **state)
{
    (void)state;
    const char *path[] = {path_of("a.txt")};
    struct lm_corpus_options opt = lm_corpus_options_default();
    write_text("a.txt", "one two\n\nthree\n\nfour five six\n\nseven\n");
    opt.texts = (struct reel_lm_texts){path, 1};
    for (long n = 0;; n++) {
        struct lm_corpus_made made;
        struct lm_corpus *corpus = NULL;
        struct lm_bpe *bpe;
        struct reel_error err;
        base_alloc_fail_after(n);
        enum reel_status rc = lm_corpus_make(folder, &opt, &bpe, &made, &err);
        rc = rc ? rc : lm_corpus_open(folder, &corpus, &err);
        base_alloc_fail_after(-1);
        lm_bpe_free(bpe);
        lm_corpus_close(corpus);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_told_apart_in_every_way),
        cmocka_unit_test(documents_of_json_are_found_by_looking),
        cmocka_unit_test(documents_that_are_no_json_are_told_with_their_place),
        cmocka_unit_test(rows_hold_every_document_once),
        cmocka_unit_test(corpus_leaves_out_what_was_there_before),
        cmocka_unit_test(corpus_splits_alike_in_any_order),
        cmocka_unit_test(corpus_of_one_line_is_refused_in_one_line),
        cmocka_unit_test(corpus_of_damaged_rows_is_refused),
        cmocka_unit_test(corpus_reports_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
