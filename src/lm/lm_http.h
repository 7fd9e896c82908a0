/**
 * HTTP to the servers of language models: calls that run together, retried where that is
 * safe, and downloads that go on where they broke off. lm_http.c is the only file that sees
 * libcurl; nothing but http and https is ever spoken.
 *
 *     struct lm_http_options opt = {.n_live_max = 8, .n_retries = 3, .stall_ms = 60000,
 *                                   .connect_ms = 10000, .backoff_ms = 500};
 *     rc = lm_http_open(&opt, &http, &err);
 *     struct lm_http_call call = {.url = url, .max_bytes = 1 << 20, .on_bytes = keep};
 *     rc = lm_http_run(http, &call, 1, NULL, NULL, &i_failed, &err);
 *     lm_http_call_release(&call);
 *     lm_http_close(http);
 *
 * A call is asked again after a refused or broken connection, a 429 or a 5xx, as long as
 * its reader has not set is_committed; the wait doubles each time, with jitter, and a
 * Retry-After of the server is honoured.
 */
#ifndef LM_HTTP_H
#define LM_HTTP_H

#include "base_buffer.h"

enum lm_http_want {
    LM_HTTP_MORE,
    LM_HTTP_ENOUGH, /* the rest of the body is not wanted; the call has succeeded */
    LM_HTTP_WRONG,  /* the call has failed, and its reader knows why */
};

enum lm_http_end {
    LM_HTTP_PENDING = 0,
    LM_HTTP_DONE,     /* 2xx, and all of the body or enough of it */
    LM_HTTP_STATUS,   /* another status; what was said of it is in `said` */
    LM_HTTP_REFUSED,  /* nobody answered there */
    LM_HTTP_STALLED,  /* no byte for stall_ms */
    LM_HTTP_BROKEN,   /* the connection ended before the body did */
    LM_HTTP_TOO_MUCH, /* more than max_bytes, or an endless header */
    LM_HTTP_REJECTED, /* the reader said LM_HTTP_WRONG */
    LM_HTTP_UNUSABLE, /* TLS, a strange protocol, a bad address: trying again is no use */
};

struct lm_http_call {
    /* what is asked */
    const char *url;
    const char *body;  /* JSON to post; NULL: get */
    int64_t from_byte; /* get a file from there on; 0: all of it */
    bool may_redirect; /* follow to other addresses (never from https to http) */
    bool only_once;    /* never try again */
    int64_t max_bytes; /* of the body */
    /** Before every attempt, the first included; may be NULL. */
    void (*on_begin)(struct lm_http_call *call);
    /** Bytes of a body whose status is 2xx; `status` and what follows it are set. */
    enum lm_http_want (*on_bytes)(struct lm_http_call *call, const char *data,
                                  size_t n_bytes);
    /** All bytes have come; false: they are not a whole answer, and `reason` says why. */
    bool (*on_end)(struct lm_http_call *call); /* may be NULL */
    void *payload;
    bool is_committed; /* set by on_bytes: asking again would repeat what was taken */
    /* what came */
    enum lm_http_end end;
    int32_t status;
    char content_type[64];   /* without parameters, lower case */
    int64_t n_body_bytes;    /* as announced; -1 unknown */
    struct base_buffer said; /* the body where the status is not 2xx, cut at 16 kB */
    char reason[256];        /* of an end that is neither DONE nor STATUS */
};

void lm_http_call_release(struct lm_http_call *call);

struct lm_http_options {
    const char
        *key; /* sent as bearer to the host of the URL alone; NULL: none; borrowed */
    int32_t n_live_max, n_retries;
    int32_t connect_ms, stall_ms; /* stall_ms: without a byte on any of the calls */
    int32_t backoff_ms;           /* before the first retry */
};

struct lm_http;
enum reel_status lm_http_open(const struct lm_http_options *opt, struct lm_http **out,
                              struct reel_error *err) REEL_CHECKED;
void lm_http_close(struct lm_http *http);

/**
 * Run all calls, n_live_max at a time. `tick` (may be NULL) is asked at least ten times a
 * second and stops everything by returning false.
 *
 * Errors:  REEL_ECANCELLED; REEL_EIO as soon as one call has failed for good, whose number
 *          is *i_failed; err then has a line for all ends but STATUS and REJECTED, which
 *          the caller can tell better. REEL_ENOMEM. The calls still under way are dropped.
 */
enum reel_status lm_http_run(struct lm_http *http, struct lm_http_call *call,
                             int32_t n_calls, bool (*tick)(void *payload), void *payload,
                             int32_t *i_failed, struct reel_error *err) REEL_CHECKED;

/**
 * Is this an address that can be asked: http or https, a host, no name or password in it
 * (they would be shown), no blanks? Errors: REEL_EINVAL.
 */
enum reel_status lm_http_check_url(const char *url, struct reel_error *err) REEL_CHECKED;

/** Where a link on a page leads; false when it leads nowhere or does not fit. */
bool lm_http_join_url(const char *page, const char *link, char *url, size_t n_url_bytes);

#endif
