/**
 * Step clean: noise off, line by line, so that as many lines go out as came in.
 *
 * - control characters, marks of direction, soft hyphens, zero widths go; every kind of blank
 *   becomes one blank, none at the ends of a line;
 * - a sign said again is said once ("!!!!" -> "!", "。。。" -> "。"); dots up to three;
 * - a letter four times and more is there once ("sooooo" -> "so"), other characters twice
 *   ("哈哈哈哈哈" -> "哈哈"); three stay ("III");
 * - a line of signs alone, and one of the phrases that pages put around what people wrote
 *   ("Was this review helpful?", 展开全文), becomes an empty line.
 */
#include "feat_icu.h"
#include "feat_step.h"
#include "feat_utf8.h"

#include <string.h>
#include <strings.h>

struct clean {
    struct feat_icu *icu;
    bool is_inside;   /* this part continues a line */
    bool has_blank;   /* one is due before the next character */
    bool has_written; /* this line is not empty */
};

/** Where a line begins with it and has at most n_more bytes besides, it is boilerplate. */
static const struct {
    const char *phrase;
    uint8_t n_more;
} boilerplate[] = {
    {"read more", 12},
    {"show more", 12},
    {"see more", 12},
    {"load more", 12},
    {"click here", 24},
    {"share this", 20},
    {"share on ", 16},
    {"follow us", 24},
    {"subscribe to our", 30},
    {"sign in to", 24},
    {"log in to", 24},
    {"all rights reserved", 24},
    {"copyright (c)", 80},
    {"copyright ©", 80},
    {"© ", 80},
    {"advertisement", 2},
    {"sponsored", 2},
    {"we use cookies", 100},
    {"this site uses cookies", 100},
    {"privacy policy", 24},
    {"terms of use", 24},
    {"terms of service", 24},
    {"permalink", 2},
    {"was this review helpful", 40},
    {"report this", 12},
    {"warning: spoilers", 2},
    {"back to top", 2},
    {"skip to content", 2},
    {"skip to main content", 2},
    {"related articles", 2},
    {"you may also like", 4},
    {"add to watchlist", 4},
    {"展开全文", 6},
    {"收起全文", 6},
    {"阅读全文", 12},
    {"查看全文", 12},
    {"查看更多", 12},
    {"加载更多", 12},
    {"点击查看", 24},
    {"点击展开", 24},
    {"转发微博", 6},
    {"网页链接", 6},
    {"版权所有", 90},
    {"保留所有权利", 30},
    {"未经许可", 60},
    {"未经授权", 60},
    {"本文来自", 60},
    {"分享到", 30},
    {"扫描二维码", 60},
    {"扫码关注", 60},
    {"关注公众号", 60},
    {"登录后", 30},
    {"请登录", 30},
    {"隐私政策", 24},
    {"用户协议", 24},
    {"返回顶部", 6},
    {"来自豆瓣App", 6},
    {"这篇影评可能有剧透", 6},
    {"这篇剧评可能有剧透", 6},
};

/** "12 of 15 people found this helpful", "3 out of 4 found this review helpful." */
static bool is_vote(const char *line, size_t n)
{
    enum { VOTE_BYTES_MAX = 80 };
    char copy[VOTE_BYTES_MAX + 1];
    if (n > VOTE_BYTES_MAX || n < 10 || line[0] < '0' || line[0] > '9') {
        return false;
    }
    memcpy(copy, line, n);
    copy[n] = 0;
    return strstr(copy, " of ") && strstr(copy, "found this") && strstr(copy, "helpful");
}

static bool is_boilerplate(const char *line, size_t n)
{
    while (n > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        n--;
    }
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\r')) {
        n--;
    }
    enum { LINE_BYTES_MAX = 150 };
    if (n == 0 || n > LINE_BYTES_MAX) {
        return false;
    }
    const char first =
        (char)(line[0] >= 'A' && line[0] <= 'Z' ? line[0] | 0x20 : line[0]);
    for (size_t i = 0; i < sizeof boilerplate / sizeof *boilerplate; i++) {
        const char *phrase = boilerplate[i].phrase;
        if (phrase[0] == first) {
            const size_t n_phrase = strlen(phrase);
            if (n >= n_phrase && n <= n_phrase + boilerplate[i].n_more &&
                strncasecmp(line, phrase, n_phrase) == 0) {
                return true;
            }
        }
    }
    return is_vote(line, n);
}

enum kind { VISIBLE, BLANK, NOTHING };

static enum kind kind_of(uint32_t c)
{
    if (c < 0xa0) {
        return c == 0x85 ? BLANK : c >= 0x7f ? NOTHING : VISIBLE;
    }
    if (c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
        c == 0x202f || c == 0x205f || c == 0x3000) {
        return BLANK;
    }
    const bool is_hidden = c == 0xad || c == 0x61c || c == 0x180e ||
                           (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                           (c >= 0x2060 && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) ||
                           c == 0xfeff || (c >= 0xfff0 && c <= 0xffff) ||
                           (c >= 0xe0000 && c <= 0xe0fff) || (c >= 0xe000 && c <= 0xf8ff);
    return is_hidden ? NOTHING : VISIBLE;
}

/** A line on its way: what was written last, and how often. */
struct line {
    struct clean *x;
    char *begin, *to;
    uint32_t last;
    int n_last;
    bool has_word;
};

static void put(struct line *l, const char *text, size_t n)
{
    if (l->x->has_blank) {
        *l->to++ = ' ';
        l->x->has_blank = false;
        l->n_last = 0;
        l->last = 0;
    }
    for (size_t i = 0; i < n; i++) { // four bytes at most
        *l->to++ = text[i];
    }
    l->x->has_written = true;
}

static void put_ascii(struct line *l, char c)
{
    const bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    const uint32_t key = is_letter ? (uint32_t)(c | 0x20) : (uint32_t)c;
    if (key != l->last || l->x->has_blank) {
        l->has_word |= is_letter || (c >= '0' && c <= '9');
        put(l, &c, 1);
        l->last = key;
        l->n_last = 1;
        return;
    }
    l->n_last++;
    if (is_letter) {
        if (l->n_last == 4) {
            l->to -= 2;
        }
        if (l->n_last >= 4) {
            return;
        }
    } else if (c < '0' || c > '9') {
        if (c != '.' || l->n_last > 3) {
            return;
        }
    }
    put(l, &c, 1);
}

static void put_wide(struct line *l, uint32_t c, const char *text, size_t n)
{
    if (c != l->last || l->x->has_blank) {
        const enum feat_class class =
            c >= 0x4000 && c < 0xa000 ? FEAT_HAN : feat_class_of(l->x->icu, c);
        l->has_word |= class != FEAT_GAP;
        put(l, text, n);
        l->last = c;
        l->n_last = 1;
        return;
    }
    l->n_last++;
    if (feat_class_of(l->x->icu, c) == FEAT_GAP) {
        return;
    }
    if (l->n_last == 4) {
        l->to -= n;
    }
    if (l->n_last < 4) {
        put(l, text, n);
    }
}

static char *clean_line(struct clean *x, const char *in, size_t n, bool is_whole,
                        char *to)
{
    int ignored;
    const size_t n_tag = x->is_inside ? 0 : feat_tag(in, n, &ignored);
    memcpy(to, in, n_tag);
    to += n_tag;
    if (is_whole && is_boilerplate(in + n_tag, n - n_tag)) {
        return to;
    }
    struct line l = {.x = x, .begin = to, .to = to};
    for (size_t i = n_tag; i < n;) {
        const unsigned char byte = (unsigned char)in[i];
        if (byte > ' ' && byte < 0x7f) {
            put_ascii(&l, in[i++]);
            continue;
        }
        size_t next = i;
        const uint32_t c = feat_utf8_next(in, &next);
        const enum kind kind = byte == ' ' || byte == '\t'    ? BLANK
                               : byte < 0x80                  ? NOTHING
                               : byte >= 0xe4 && byte <= 0xe9 ? VISIBLE
                                                              : kind_of(c);
        if (kind == VISIBLE) {
            put_wide(&l, c, in + i, next - i);
        } else if (kind == BLANK) {
            x->has_blank = x->has_written;
        }
        i = next;
    }
    return is_whole && !l.has_word ? to : l.to;
}

static enum reel_status clean_open(const struct feat_env *env, void *state,
                                   struct reel_error *err)
{
    (void)err;
    struct clean *x = state;
    x->icu = env->icu;
    return REEL_OK;
}

static void clean_reset(void *state)
{
    struct clean *x = state;
    *x = (struct clean){.icu = x->icu};
}

static bool clean_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    struct clean *x = state;
    char *to = base_buffer_reserve(out, n + 1); // and the blank due from a part before
    if (!to) {
        return false;
    }
    while (n > 0) {
        const char *feed = memchr(in, '\n', n);
        const size_t n_line = feed ? (size_t)(feed - in) : n;
        // A part of a long line is longer; what is short and has no feed ends the stream.
        const bool is_whole = !x->is_inside && (feed || n_line < FEAT_LINE_BYTES / 2);
        to = clean_line(x, in, n_line, is_whole, to);
        x->is_inside = !feed;
        if (feed) {
            *to++ = '\n';
            x->has_blank = x->has_written = false;
        }
        in += n_line + (feed != NULL);
        n -= n_line + (feed != NULL);
    }
    out->n_bytes = (size_t)(to - out->data);
    return true;
}

const struct feat_step feat_step_clean = {
    .n_state_bytes = sizeof(struct clean),
    .open = clean_open,
    .run = clean_run,
    .reset = clean_reset,
};
