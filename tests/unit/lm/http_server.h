/**
 * A server that does as it is told, well or badly: one handler answers every request with
 * the bytes it likes. Requests run in threads of their own; a connection serves one.
 *
 *     struct http_server s;
 *     http_server_start(&s, handler, payload);      // s.url is "http://127.0.0.1:PORT"
 *     ...
 *     http_server_stop(&s);
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct http_server;

struct http_request {
    struct http_server *server;
    int fd;
    char *text; /* head and body, ends with NUL */
    const char *path, *body;
    char *line; /* memory of path */
};
typedef void http_handler(struct http_request *request);

struct http_server {
    int fd;
    char url[64];
    http_handler *handler;
    void *payload;
    atomic_int n_requests; /* so far */
    atomic_int n_open;
    atomic_bool is_stopping;
    pthread_t thread;
};

static inline void http_write(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t n_sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (n_sent <= 0) {
            return; // the client has gone
        }
        bytes += n_sent;
        n -= (size_t)n_sent;
    }
}

static inline void http_say(const struct http_request *q, const char *text)
{
    http_write(q->fd, text, strlen(text));
}

static inline void http_answer(const struct http_request *q, const char *status,
                               const char *type, const char *more, const char *body)
{
    char head[512];
    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
                   "Connection: close\r\n\r\n",
                   status, type, strlen(body), more);
    http_say(q, head);
    http_say(q, body);
}

static inline void http_begin_events(const struct http_request *q)
{
    http_say(q, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                "Connection: close\r\n\r\n");
}

/** Wait, but not longer than the server lives or the client listens. */
static inline void http_wait(const struct http_request *q, int ms)
{
    for (int i = 0; i < ms && !q->server->is_stopping; i += 10) {
        struct pollfd poll_fd = {.fd = q->fd, .events = POLLIN};
        char byte;
        if (poll(&poll_fd, 1, 10) == 1 && recv(q->fd, &byte, 1, MSG_PEEK) <= 0) {
            return;
        }
    }
}

static inline size_t http_body_length(const char *head)
{
    for (const char *line = head; line; line = strstr(line, "\r\n")) {
        line += line[0] == '\r' ? 2 : 0;
        if (strncasecmp(line, "content-length:", 15) == 0) {
            return strtoul(line + 15, NULL, 10);
        }
        if (line[0] == '\r') {
            break;
        }
    }
    return 0;
}

static inline void *http_serve_one(void *payload)
{
    struct http_request *q = payload;
    size_t n = 0, room = 1 << 16, need = SIZE_MAX;
    q->text = malloc(room);
    while (q->text && n < need && n + 1 < room) {
        const ssize_t n_got = recv(q->fd, q->text + n, room - n - 1, 0);
        if (n_got <= 0) {
            break;
        }
        n += (size_t)n_got;
        q->text[n] = '\0';
        const char *end = strstr(q->text, "\r\n\r\n");
        if (end && need == SIZE_MAX) {
            need = (size_t)(end + 4 - q->text) + http_body_length(q->text);
            q->body = end + 4;
            if (need + 1 > room) {
                const size_t at = (size_t)(q->body - q->text);
                room = need + 1;
                q->text = realloc(q->text, room);
                assert(q->text);
                q->body = q->text + at;
            }
        }
    }
    if (n >= need) {
        const char *begin = strchr(q->text, ' ') + 1;
        q->line = strndup(begin, strcspn(begin, " "));
        q->path = q->line;
        q->server->handler(q);
    }
    (void)close(q->fd);
    free(q->text);
    free(q->line);
    q->server->n_open--;
    free(q);
    return NULL;
}

static inline void *http_serve(void *payload)
{
    struct http_server *s = payload;
    while (!s->is_stopping) {
        struct pollfd poll_fd = {.fd = s->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 20) != 1) {
            continue;
        }
        const int fd = accept(s->fd, NULL, NULL);
        struct http_request *q = calloc(1, sizeof *q);
        assert(fd >= 0 && q);
        *q = (struct http_request){.server = s, .fd = fd};
        s->n_open++;
        s->n_requests++;
        pthread_t thread;
        const int failed = pthread_create(&thread, NULL, http_serve_one, q);
        assert(!failed);
        (void)failed;
        (void)pthread_detach(thread);
    }
    return NULL;
}

static inline void http_server_start(struct http_server *s, http_handler *handler,
                                     void *payload)
{
    *s = (struct http_server){.handler = handler, .payload = payload};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = s->fd < 0 || bind(s->fd, (struct sockaddr *)&address, n) != 0 ||
                 listen(s->fd, 64) != 0 ||
                 getsockname(s->fd, (struct sockaddr *)&address, &n) != 0;
    (void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    failed = failed || pthread_create(&s->thread, NULL, http_serve, s) != 0;
    assert(!failed);
    (void)failed;
}

static inline void http_server_stop(struct http_server *s)
{
    s->is_stopping = true;
    (void)pthread_join(s->thread, NULL);
    while (s->n_open > 0) {
        (void)usleep(1000);
    }
    (void)close(s->fd);
}

#endif
