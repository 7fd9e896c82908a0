/** Calls over libcurl's multi interface; see lm_http.h. */
#include "lm_http.h"

#include "base_alloc.h"
#include "base_clock.h"
#include "base_error.h"
#include "base_rng.h"

#include <curl/curl.h>

#include <ctype.h>
#include <pthread.h>
#include <string.h>

enum {
    SAID_BYTES_MAX = 16 << 10,
    HEADER_BYTES_MAX = 256 << 10,
    REDIRECTS_MAX = 5,
    POLL_MS = 100,
    BACKOFF_MS_MAX = 20000,
    RETRY_AFTER_S_MAX = 120,
};

/** One attempt after the other at one call. */
struct attempt {
    struct lm_http *http;
    struct lm_http_call *call;
    CURL *easy; /* NULL: not under way */
    int64_t due_ns;
    int32_t n_tries;
    int64_t n_bytes, n_header_bytes;
    bool is_over;
    char error[CURL_ERROR_SIZE];
};

struct lm_http {
    struct lm_http_options opt;
    char *key;
    CURLM *multi;
    struct curl_slist *post_headers, *get_headers;
    struct base_rng rng;
    int64_t last_byte_ns; /* from the server, on any call */
};

static void make_global(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void lm_http_close(struct lm_http *http)
{
    if (!http) {
        return;
    }
    if (http->multi) {
        (void)curl_multi_cleanup(http->multi);
    }
    curl_slist_free_all(http->post_headers);
    curl_slist_free_all(http->get_headers);
    base_free(http->key);
    base_free(http);
}

enum reel_status lm_http_open(const struct lm_http_options *opt, struct lm_http **out,
                              struct reel_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_global);
    *out = NULL;
    struct lm_http *http = base_alloc_zeroed(1, sizeof *http);
    if (!http) {
        return fail(err, REEL_ENOMEM, "a connection");
    }
    http->opt = *opt;
    http->key = opt->key ? base_strdup(opt->key) : NULL;
    http->multi = curl_multi_init();
    http->post_headers = curl_slist_append(NULL, "Content-Type: application/json");
    // An empty Expect: the body is sent at once, without asking whether it is welcome.
    struct curl_slist *more =
        http->post_headers ? curl_slist_append(http->post_headers, "Expect:") : NULL;
    http->get_headers = curl_slist_append(NULL, "Accept: */*");
    base_rng_init(&http->rng, (uint64_t)base_clock_ns(), 0);
    if (!http->multi || !more || !http->get_headers || (opt->key && !http->key)) {
        lm_http_close(http);
        return fail(err, REEL_ENOMEM, "a connection");
    }
    *out = http;
    return REEL_OK;
}

void lm_http_call_release(struct lm_http_call *call)
{
    base_buffer_release(&call->said);
}

enum reel_status lm_http_check_url(const char *url, struct reel_error *err)
{
    const size_t n_scheme = strncmp(url, "https://", 8) == 0  ? 8
                            : strncmp(url, "http://", 7) == 0 ? 7
                                                              : 0;
    const size_t n_host = strcspn(url + n_scheme, "/?#");
    if (n_scheme == 0 || n_host == 0 || strlen(url) > 2000) {
        return fail(err, REEL_EINVAL, "'%.200s' is no http or https address", url);
    }
    if (memchr(url + n_scheme, '@', n_host)) {
        return fail(err, REEL_EINVAL, "an address must not hold a name or password");
    }
    for (const char *p = url; *p; p++) {
        if ((unsigned char)*p <= 0x20 || *p == 0x7f) {
            return fail(err, REEL_EINVAL, "'%.200s' has a blank in it", url);
        }
    }
    return REEL_OK;
}

bool lm_http_join_url(const char *page, const char *link, char *url, size_t n_url_bytes)
{
    CURLU *parts = curl_url();
    char *joined = NULL;
    const bool is_known = parts &&
                          curl_url_set(parts, CURLUPART_URL, page, 0) == CURLUE_OK &&
                          curl_url_set(parts, CURLUPART_URL, link, 0) == CURLUE_OK &&
                          curl_url_get(parts, CURLUPART_URL, &joined, 0) == CURLUE_OK;
    const bool is_good = is_known && strlen(joined) < n_url_bytes &&
                         lm_http_check_url(joined, NULL) == REEL_OK;
    if (is_good) {
        (void)snprintf(url, n_url_bytes, "%s", joined);
    }
    curl_free(joined);
    curl_url_cleanup(parts);
    return is_good;
}

// ---- what libcurl calls ----

static void end_call(struct lm_http_call *call, enum lm_http_end end, const char *reason)
{
    if (call->end == LM_HTTP_PENDING) {
        call->end = end;
        (void)snprintf(call->reason, sizeof call->reason, "%s", reason);
    }
}

/** What the head of the answer says, when the first byte of its body is there. */
static void read_head(struct attempt *a)
{
    struct lm_http_call *call = a->call;
    long status = 0;
    const char *type = NULL;
    curl_off_t n = -1;
    (void)curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(a->easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(a->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n);
    call->status = (int32_t)status;
    call->n_body_bytes = n;
    const size_t n_type = type ? strcspn(type, "; ") : 0;
    (void)snprintf(call->content_type, sizeof call->content_type, "%.*s", (int)n_type,
                   type ? type : "");
    for (char *p = call->content_type; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
}

static size_t take_bytes(char *data, size_t one, size_t n, void *payload)
{
    (void)one;
    struct attempt *a = payload;
    struct lm_http_call *call = a->call;
    a->http->last_byte_ns = base_clock_ns();
    if (a->n_bytes == 0) {
        read_head(a);
    }
    a->n_bytes += (int64_t)n;
    if (call->status < 200 || call->status > 299) {
        const size_t room = SAID_BYTES_MAX - call->said.n_bytes;
        const bool is_kept = base_buffer_add(&call->said, data, n < room ? n : room);
        return is_kept && n < room ? n : 0;
    }
    if (a->n_bytes > call->max_bytes) {
        end_call(call, LM_HTTP_TOO_MUCH, "the answer is longer than it may be");
        return 0;
    }
    switch (call->on_bytes(call, data, n)) {
    case LM_HTTP_MORE:
        return n;
    case LM_HTTP_ENOUGH:
        end_call(call, LM_HTTP_DONE, "");
        return 0;
    case LM_HTTP_WRONG:
        break;
    }
    end_call(call, LM_HTTP_REJECTED, "");
    return 0;
}

static size_t take_header(char *data, size_t one, size_t n, void *payload)
{
    (void)data, (void)one;
    struct attempt *a = payload;
    a->http->last_byte_ns = base_clock_ns();
    a->n_header_bytes += (int64_t)n;
    if (a->n_header_bytes > HEADER_BYTES_MAX) {
        end_call(a->call, LM_HTTP_TOO_MUCH, "the head of the answer has no end");
        return 0;
    }
    return n;
}

// ---- attempts ----

static bool allow_protocols(CURL *easy, const char *url)
{
    // From https a redirect leads only to https.
    const bool is_secure = strncmp(url, "https:", 6) == 0;
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                            is_secure ? "https" : "http,https") == CURLE_OK;
#else
    const long both = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, both) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
                            is_secure ? (long)CURLPROTO_HTTPS : both) == CURLE_OK;
#endif
}

static bool set_options(struct attempt *a)
{
    const struct lm_http *http = a->http;
    const struct lm_http_call *call = a->call;
    CURL *easy = a->easy;
    bool ok = curl_easy_setopt(easy, CURLOPT_URL, call->url) == CURLE_OK &&
              allow_protocols(easy, call->url);
#define SET(option, value) ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok
    SET(CURLOPT_PRIVATE, a);
    SET(CURLOPT_ERRORBUFFER, a->error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, "forkreel");
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)http->opt.connect_ms);
    SET(CURLOPT_WRITEFUNCTION, take_bytes);
    SET(CURLOPT_WRITEDATA, a);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, a);
    SET(CURLOPT_FOLLOWLOCATION, call->may_redirect ? 1L : 0L);
    SET(CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    SET(CURLOPT_HTTPHEADER, call->body ? http->post_headers : http->get_headers);
    if (http->key) { // libcurl does not give a bearer to the host of a redirect
        SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        SET(CURLOPT_XOAUTH2_BEARER, http->key);
    }
    if (call->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body));
        SET(CURLOPT_POSTFIELDS, call->body);
    } else if (call->from_byte > 0) { // a server may answer 200 with the whole file
        char range[32];
        (void)snprintf(range, sizeof range, "%lld-", (long long)call->from_byte);
        SET(CURLOPT_RANGE, range);
    }
#undef SET
    return ok;
}

static bool begin_attempt(struct attempt *a)
{
    struct lm_http_call *call = a->call;
    base_buffer_release(&call->said);
    base_buffer_init(&call->said, SAID_BYTES_MAX + 1);
    call->end = LM_HTTP_PENDING;
    call->status = 0;
    call->n_body_bytes = -1;
    call->content_type[0] = call->reason[0] = '\0';
    a->n_bytes = a->n_header_bytes = 0;
    a->n_tries++;
    if (call->on_begin) {
        call->on_begin(call);
    }
    a->easy = curl_easy_init();
    return a->easy && set_options(a) &&
           curl_multi_add_handle(a->http->multi, a->easy) == CURLM_OK;
}

static void drop_attempt(struct attempt *a)
{
    if (a->easy) {
        (void)curl_multi_remove_handle(a->http->multi, a->easy);
        curl_easy_cleanup(a->easy);
        a->easy = NULL;
    }
}

/** What libcurl's code means to the caller. */
static void judge(struct attempt *a, CURLcode code)
{
    struct lm_http_call *call = a->call;
    if (a->n_bytes == 0) {
        read_head(a);
    }
    const bool is_good = call->status >= 200 && call->status <= 299;
    if (call->status >= 300 && call->end == LM_HTTP_PENDING) {
        end_call(call, LM_HTTP_STATUS, "");
        return;
    }
    switch (code) {
    case CURLE_OK:
        if (is_good && call->on_end && !call->on_end(call)) {
            call->end = LM_HTTP_BROKEN;
        }
        end_call(call, is_good ? LM_HTTP_DONE : LM_HTTP_STATUS, "");
        break;
    case CURLE_COULDNT_CONNECT:
        end_call(call, LM_HTTP_REFUSED, "no server answers there");
        break;
    case CURLE_OPERATION_TIMEDOUT:
        end_call(call, LM_HTTP_REFUSED, "no connection in time");
        break;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        end_call(call, LM_HTTP_BROKEN,
                 a->n_bytes > 0 ? "the connection broke in the middle of the answer"
                                : "the connection broke before an answer came");
        break;
    case CURLE_OUT_OF_MEMORY:
        end_call(call, LM_HTTP_UNUSABLE, "out of memory");
        break;
    default:
        end_call(call, LM_HTTP_UNUSABLE,
                 a->error[0] ? a->error : curl_easy_strerror(code));
        break;
    }
}

static bool can_pass(const struct lm_http_call *call)
{
    if (call->is_committed || call->only_once) {
        return false;
    }
    const int32_t s = call->status;
    return call->end == LM_HTTP_REFUSED || call->end == LM_HTTP_BROKEN ||
           (call->end == LM_HTTP_STATUS &&
            (s == 408 || s == 429 || (s >= 500 && s != 501)));
}

/** When to try again; negative: the server wants more patience than we have. */
static int64_t wait_ns(struct attempt *a)
{
    curl_off_t after_s = 0;
    if (a->call->end == LM_HTTP_STATUS) {
        (void)curl_easy_getinfo(a->easy, CURLINFO_RETRY_AFTER, &after_s);
    }
    if (after_s > RETRY_AFTER_S_MAX) {
        return -1;
    }
    double ms = a->http->opt.backoff_ms;
    for (int32_t i = 1; i < a->n_tries && ms < BACKOFF_MS_MAX; i++) {
        ms *= 2;
    }
    ms = (ms < BACKOFF_MS_MAX ? ms : BACKOFF_MS_MAX) *
         (0.5 +
          base_rng_double(&a->http->rng)); // so that many clients do not come at once
    const double told_ms = 1000.0 * (double)after_s;
    return (int64_t)(1e6 * (ms > told_ms ? ms : told_ms));
}

/** True: over for good or to be tried again; false: the whole run has failed. */
static bool finish_attempt(struct attempt *a, CURLcode code, int64_t now_ns)
{
    judge(a, code);
    bool is_fine = a->call->end == LM_HTTP_DONE;
    a->is_over = true;
    if (!is_fine && can_pass(a->call) && a->n_tries <= a->http->opt.n_retries) {
        const int64_t wait = wait_ns(a);
        if (wait >= 0) {
            a->due_ns = now_ns + wait;
            a->is_over = false;
            is_fine = true;
        }
    }
    drop_attempt(a);
    return is_fine;
}

// ---- running ----

struct run {
    struct lm_http *http;
    struct attempt *attempt;
    int32_t n, n_live, n_over, i_failed;
};

/** Begin what is due; false out of memory. Sets how long there is to wait. */
static bool begin_due(struct run *run, int64_t now_ns, int *wait_ms)
{
    *wait_ms = POLL_MS;
    for (int32_t i = 0; i < run->n && run->n_live < run->http->opt.n_live_max; i++) {
        struct attempt *a = &run->attempt[i];
        if (a->easy || a->is_over) {
            continue;
        }
        if (a->due_ns <= now_ns) {
            if (!begin_attempt(a)) {
                return false;
            }
            run->n_live++;
            run->http->last_byte_ns = now_ns;
        } else if ((a->due_ns - now_ns) / 1000000 + 1 < *wait_ms) {
            *wait_ms = (int)((a->due_ns - now_ns) / 1000000) + 1;
        }
    }
    return true;
}

/** Take what libcurl has finished; false when a call failed for good. */
static bool take_finished(struct run *run)
{
    int n_left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(run->http->multi, &n_left))) {
        struct attempt *a = NULL;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &a) != CURLE_OK) {
            continue;
        }
        run->n_live--;
        const bool is_fine = finish_attempt(a, message->data.result, base_clock_ns());
        run->n_over += a->is_over;
        if (!is_fine) {
            run->i_failed = (int32_t)(a - run->attempt);
            return false;
        }
    }
    return true;
}

/** A server that says nothing on any call for too long has stalled. */
static bool find_stalled(struct run *run)
{
    const int64_t quiet_ns = base_clock_ns() - run->http->last_byte_ns;
    if (run->n_live == 0 || quiet_ns < (int64_t)run->http->opt.stall_ms * 1000000) {
        return false;
    }
    for (int32_t i = 0; i < run->n; i++) {
        if (run->attempt[i].easy) {
            char reason[80];
            (void)snprintf(reason, sizeof reason, "not a byte for %.1f s",
                           (double)run->http->opt.stall_ms / 1000);
            end_call(run->attempt[i].call, LM_HTTP_STALLED, reason);
            run->i_failed = i;
            return true;
        }
    }
    return false;
}

static enum reel_status fail_call(const struct lm_http_call *call, struct reel_error *err)
{
    return fail(err, REEL_EIO, "%s: %s", call->url, call->reason);
}

static enum reel_status run_all(struct run *run, bool (*tick)(void *payload),
                                void *payload, struct reel_error *err)
{
    while (run->n_over < run->n) {
        int wait_ms, n_running;
        if (tick && !tick(payload)) {
            return fail(err, REEL_ECANCELLED, "stopped");
        }
        if (!begin_due(run, base_clock_ns(), &wait_ms)) {
            return fail(err, REEL_ENOMEM, "a call to %s", run->attempt[0].call->url);
        }
        if (curl_multi_perform(run->http->multi, &n_running) != CURLM_OK) {
            return fail(err, REEL_EIO, "%s: libcurl failed", run->attempt[0].call->url);
        }
        if (!take_finished(run) || find_stalled(run)) {
            return fail_call(run->attempt[run->i_failed].call, err);
        }
        if (run->n_over < run->n) {
            (void)curl_multi_poll(run->http->multi, NULL, 0, wait_ms, NULL);
        }
    }
    return REEL_OK;
}

enum reel_status lm_http_run(struct lm_http *http, struct lm_http_call *call,
                             int32_t n_calls, bool (*tick)(void *payload), void *payload,
                             int32_t *i_failed, struct reel_error *err)
{
    *i_failed = -1;
    struct run run = {.http = http, .n = n_calls, .i_failed = -1};
    run.attempt = base_alloc_zeroed((size_t)n_calls, sizeof *run.attempt);
    if (!run.attempt) {
        return fail(err, REEL_ENOMEM, "%d calls", n_calls);
    }
    for (int32_t i = 0; i < n_calls; i++) {
        run.attempt[i].http = http;
        run.attempt[i].call = &call[i];
    }
    const enum reel_status rc = run_all(&run, tick, payload, err);
    for (int32_t i = 0; i < n_calls; i++) {
        drop_attempt(&run.attempt[i]);
    }
    base_free(run.attempt);
    *i_failed = run.i_failed;
    return rc;
}
