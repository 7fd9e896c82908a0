/**
 * Records of event files; see lm_events.h. Protobuf is written by hand: seven kinds of
 * message need no generator, and lengths are known before a message is begun.
 */
#include "lm_events.h"

#include <math.h>
#include <string.h>

#define MASK_DELTA 0xa282ead8U
#define SMALLEST 1e-12
#define GROWTH 1.1
#define RECORD_BYTES_MAX ((size_t)64 << 20)
enum { HEAD_BYTES = 12, TAIL_BYTES = 4, DT_STRING = 7, SESSION_START = 1 };
enum wire { WIRE_VARINT = 0, WIRE_8 = 1, WIRE_BYTES = 2, WIRE_4 = 5 };

// ---- checksums ----

uint32_t lm_crc32c_naive(const void *data, size_t n_bytes)
{
    uint32_t crc = ~0U;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= ((const unsigned char *)data)[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
        }
    }
    return ~crc;
}

uint32_t lm_crc32c(const void *data, size_t n_bytes)
{
    // What four bits become: small enough to stand here, and fast enough for logs.
    static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                        0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    uint32_t crc = ~0U;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= ((const unsigned char *)data)[i];
        crc = (crc >> 4) ^ nibble[crc & 15];
        crc = (crc >> 4) ^ nibble[crc & 15];
    }
    return ~crc;
}

static uint32_t masked(const void *data, size_t n_bytes)
{
    const uint32_t crc = lm_crc32c(data, n_bytes);
    return ((crc >> 15) | (crc << 17)) + MASK_DELTA;
}

static void put_little(unsigned char *at, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get_little(const unsigned char *at, int n_bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < n_bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

// ---- histograms ----

double lm_histogram_border(int32_t i)
{
    const int32_t side = i - LM_HISTOGRAM_HALF;
    return side >= 0 ? SMALLEST * pow(GROWTH, side) : -SMALLEST * pow(GROWTH, -side - 1);
}

static int32_t bucket_of(double x)
{
    const double size = fabs(x);
    double side = 0;
    if (size > SMALLEST) {
        side = fmin(ceil(log(size / SMALLEST) / log(GROWTH)), LM_HISTOGRAM_HALF);
    }
    return LM_HISTOGRAM_HALF + (int32_t)(x < 0 ? -side : side);
}

void lm_histogram_init(struct lm_histogram *h, const float *x, size_t n)
{
    *h = (struct lm_histogram){.low = INFINITY, .high = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        const double value = (double)x[i];
        if (isfinite(value)) {
            h->low = fmin(h->low, value);
            h->high = fmax(h->high, value);
            h->n++;
            h->sum += value;
            h->sum_squares += value * value;
            h->count[bucket_of(value)]++;
        }
    }
    if (h->n == 0) {
        h->low = h->high = 0;
    }
}

// ---- writing ----

static bool put_varint(struct base_buffer *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        if (!base_buffer_add_char(out, (char)(value | 0x80))) {
            return false;
        }
    }
    return base_buffer_add_char(out, (char)value);
}

static bool put_key(struct base_buffer *out, unsigned field, enum wire wire)
{
    return put_varint(out, (uint64_t)field << 3 | (unsigned)wire);
}

static bool put_number(struct base_buffer *out, unsigned field, int64_t value)
{
    return put_key(out, field, WIRE_VARINT) && put_varint(out, (uint64_t)value);
}

static bool put_raw_double(struct base_buffer *out, double value)
{
    uint64_t bits;
    unsigned char bytes[8];
    memcpy(&bits, &value, sizeof bits);
    put_little(bytes, bits, 8);
    return base_buffer_add(out, bytes, sizeof bytes);
}

static bool put_double(struct base_buffer *out, unsigned field, double value)
{
    return put_key(out, field, WIRE_8) && put_raw_double(out, value);
}

static bool put_float(struct base_buffer *out, unsigned field, float value)
{
    uint32_t bits;
    unsigned char bytes[4];
    memcpy(&bits, &value, sizeof bits);
    put_little(bytes, bits, 4);
    return put_key(out, field, WIRE_4) && base_buffer_add(out, bytes, sizeof bytes);
}

static bool put_bytes(struct base_buffer *out, unsigned field, const void *data,
                      size_t n_bytes)
{
    return put_key(out, field, WIRE_BYTES) && put_varint(out, n_bytes) &&
           base_buffer_add(out, data, n_bytes);
}

/** A message inside another; `part` is given away. */
static bool put_part(struct base_buffer *out, unsigned field, struct base_buffer *part,
                     bool is_whole)
{
    const bool is_put =
        is_whole && put_bytes(out, field, base_buffer_text(part), part->n_bytes);
    base_buffer_release(part);
    return is_put;
}

static void begin_part(struct base_buffer *part)
{
    base_buffer_init(part, RECORD_BYTES_MAX);
}

/** An event whose field `field` holds `part`, framed as one record. */
static bool put_event(struct base_buffer *out, double at_s, int64_t step, unsigned field,
                      struct base_buffer *part, bool is_whole)
{
    struct base_buffer event;
    begin_part(&event);
    is_whole = put_part(&event, field, part,
                        is_whole && put_double(&event, 1, at_s) &&
                            (step == 0 || put_number(&event, 2, step)));
    unsigned char head[HEAD_BYTES], tail[TAIL_BYTES];
    put_little(head, event.n_bytes, 8);
    put_little(head + 8, masked(head, 8), 4);
    put_little(tail, masked(base_buffer_text(&event), event.n_bytes), 4);
    const size_t n_before = out->n_bytes;
    is_whole = is_whole && base_buffer_add(out, head, sizeof head) &&
               base_buffer_add(out, event.data, event.n_bytes) &&
               base_buffer_add(out, tail, sizeof tail);
    if (!is_whole) {
        out->n_bytes = n_before; // no half record
    }
    base_buffer_release(&event);
    return is_whole;
}

bool lm_event_add_version(struct base_buffer *out, double at_s)
{
    struct base_buffer text;
    begin_part(&text);
    return put_event(out, at_s, 0, 3, &text,
                     base_buffer_add_text(&text, "brain.Event:2"));
}

bool lm_event_add_restart(struct base_buffer *out, double at_s, int64_t step)
{
    struct base_buffer log;
    begin_part(&log);
    return put_event(out, at_s, step, 7, &log, put_number(&log, 1, SESSION_START));
}

/** Event > Summary > Value > the field with what `body` holds, bare for a number. */
static bool put_value(struct base_buffer *out, double at_s, int64_t step,
                      struct base_buffer *value, bool is_whole)
{
    struct base_buffer summary;
    begin_part(&summary);
    is_whole = put_part(&summary, 1, value, is_whole);
    return put_event(out, at_s, step, 5, &summary, is_whole);
}

bool lm_event_add_scalar(struct base_buffer *out, double at_s, int64_t step,
                         const char *tag, double number)
{
    struct base_buffer value;
    begin_part(&value);
    const bool is_whole =
        put_bytes(&value, 1, tag, strlen(tag)) && put_float(&value, 2, (float)number);
    return put_value(out, at_s, step, &value, is_whole);
}

bool lm_event_add_text(struct base_buffer *out, double at_s, int64_t step,
                       const char *tag, const char *text)
{
    struct base_buffer value, tensor, shape, dim, metadata, plugin;
    begin_part(&value);
    begin_part(&tensor);
    begin_part(&shape);
    begin_part(&dim);
    begin_part(&metadata);
    begin_part(&plugin);
    bool is_whole = put_part(&shape, 2, &dim, put_number(&dim, 1, 1));
    is_whole =
        put_part(&tensor, 2, &shape, is_whole && put_number(&tensor, 1, DT_STRING)) &&
        put_bytes(&tensor, 8, text, strlen(text));
    const bool is_told =
        put_part(&metadata, 1, &plugin, put_bytes(&plugin, 1, "text", 4));
    const bool is_tagged = put_bytes(&value, 1, tag, strlen(tag));
    is_whole = put_part(&value, 8, &tensor, is_whole && is_tagged);
    is_whole = put_part(&value, 9, &metadata, is_whole && is_told);
    return put_value(out, at_s, step, &value, is_whole);
}

bool lm_event_add_histogram(struct base_buffer *out, double at_s, int64_t step,
                            const char *tag, const struct lm_histogram *h)
{
    struct base_buffer value, histogram, border, count;
    begin_part(&value);
    begin_part(&histogram);
    begin_part(&border);
    begin_part(&count);
    int32_t first = 0, last = LM_HISTOGRAM_BUCKETS - 1;
    while (first < LM_HISTOGRAM_HALF && h->count[first] == 0) {
        first++;
    }
    while (last > first && h->count[last] == 0) {
        last--;
    }
    bool is_whole =
        put_bytes(&value, 1, tag, strlen(tag)) && put_double(&histogram, 1, h->low) &&
        put_double(&histogram, 2, h->high) && put_double(&histogram, 3, h->n) &&
        put_double(&histogram, 4, h->sum) && put_double(&histogram, 5, h->sum_squares);
    for (int32_t i = first; is_whole && i <= last; i++) {
        if (i < last && h->count[i] == 0 && h->count[i + 1] == 0) {
            continue; // empty neighbours are one bucket
        }
        is_whole = put_raw_double(&border, lm_histogram_border(i)) &&
                   put_raw_double(&count, (double)h->count[i]);
    }
    is_whole = put_part(&histogram, 6, &border, is_whole);
    is_whole = put_part(&histogram, 7, &count, is_whole);
    is_whole = put_part(&value, 5, &histogram, is_whole);
    return put_value(out, at_s, step, &value, is_whole);
}

// ---- reading ----

/** One field of a message; `at` moves behind it. */
struct field {
    unsigned number;
    enum wire wire;
    uint64_t value;            /* varint, or the bits of a number */
    const unsigned char *data; /* WIRE_BYTES */
    size_t n_bytes;
};
struct cursor {
    const unsigned char *at, *end;
    bool is_broken;
};

static uint64_t get_varint(struct cursor *c)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        const unsigned char byte = *c->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    c->is_broken = true;
    return 0;
}

/** False at the end of the message, and where it is broken. */
static bool get_field(struct cursor *c, struct field *f)
{
    if (c->at >= c->end || c->is_broken) {
        return false;
    }
    const uint64_t key = get_varint(c);
    *f = (struct field){.number = (unsigned)(key >> 3), .wire = (enum wire)(key & 7)};
    const size_t n_left = (size_t)(c->end - c->at);
    size_t n_bytes = 0;
    if (f->wire == WIRE_VARINT) {
        f->value = get_varint(c);
    } else if (f->wire == WIRE_8 || f->wire == WIRE_4) {
        n_bytes = f->wire == WIRE_8 ? 8 : 4;
        if (n_bytes <= n_left) {
            f->value = get_little(c->at, (int)n_bytes);
        }
    } else if (f->wire == WIRE_BYTES) {
        const uint64_t n = get_varint(c);
        f->data = c->at;
        f->n_bytes = n_bytes = n <= n_left ? (size_t)n : n_left + 1;
    } else {
        c->is_broken = true;
    }
    if (n_bytes > (size_t)(c->end - c->at)) {
        c->is_broken = true;
    } else {
        c->at += n_bytes;
    }
    return !c->is_broken;
}

static struct cursor inside(const struct field *f)
{
    return (struct cursor){.at = f->data, .end = f->data + f->n_bytes};
}

static double as_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double as_float(uint64_t bits)
{
    const uint32_t half = (uint32_t)bits;
    float value;
    memcpy(&value, &half, sizeof value);
    return (double)value;
}

double lm_event_double(const unsigned char *at, size_t i)
{
    return as_double(get_little(at + 8 * i, 8));
}

static bool read_histogram(struct cursor c, struct lm_event *event)
{
    struct field f;
    size_t n_counts = 0;
    while (get_field(&c, &f)) {
        if (f.number == 1 && f.wire == WIRE_8) {
            event->low = as_double(f.value);
        } else if (f.number == 6 && f.wire == WIRE_BYTES) {
            event->border = f.data;
            event->n_buckets = f.n_bytes / 8;
        } else if (f.number == 7 && f.wire == WIRE_BYTES) {
            event->count = f.data;
            n_counts = f.n_bytes / 8;
        }
    }
    return !c.is_broken && event->n_buckets == n_counts && n_counts > 0;
}

/** A tensor of texts: the first of them. */
static bool read_tensor(struct cursor c, struct lm_event *event)
{
    struct field f;
    while (get_field(&c, &f)) {
        if (f.number == 8 && f.wire == WIRE_BYTES && !event->text) {
            event->text = (const char *)f.data;
            event->n_text_bytes = f.n_bytes;
        }
    }
    return !c.is_broken && event->text;
}

/** One Value; `is_known` is false for what is passed over. */
static bool read_value(struct cursor c, struct lm_event *event, bool *is_known)
{
    struct field f;
    *is_known = false;
    while (get_field(&c, &f)) {
        bool is_body = true;
        if (f.number == 1 && f.wire == WIRE_BYTES) {
            event->tag = (const char *)f.data;
            event->n_tag_bytes = f.n_bytes;
            is_body = false;
        } else if (f.number == 2 && f.wire == WIRE_4) {
            event->kind = LM_EVENT_SCALAR;
            event->value = as_float(f.value);
        } else if (f.number == 5 && f.wire == WIRE_BYTES) {
            event->kind = LM_EVENT_HISTOGRAM;
            is_body = read_histogram(inside(&f), event);
        } else if (f.number == 8 && f.wire == WIRE_BYTES) {
            event->kind = LM_EVENT_TEXT;
            is_body = read_tensor(inside(&f), event);
        } else {
            is_body = false;
        }
        *is_known |= is_body;
    }
    *is_known = *is_known && event->tag;
    return !c.is_broken;
}

/** What a record says, told value by value; false when it is broken. */
static bool read_record(struct cursor c, lm_on_event *on_event, void *payload,
                        enum reel_status *rc)
{
    struct lm_event event = {0};
    struct field f, body = {0};
    while (get_field(&c, &f)) {
        if (f.number == 1 && f.wire == WIRE_8) {
            event.at_s = as_double(f.value);
        } else if (f.number == 2 && f.wire == WIRE_VARINT) {
            event.step = (int64_t)f.value;
        } else if (f.wire == WIRE_BYTES) {
            body = f;
        }
    }
    if (c.is_broken || !body.data) {
        return !c.is_broken; // an event without a body says nothing
    }
    c = inside(&body);
    if (body.number == 3) {
        event.kind = LM_EVENT_VERSION;
        event.text = (const char *)body.data;
        event.n_text_bytes = body.n_bytes;
        *rc = on_event(&event, payload);
    } else if (body.number == 7) {
        while (get_field(&c, &f)) {
            if (f.number == 1 && f.wire == WIRE_VARINT && f.value == SESSION_START) {
                event.kind = LM_EVENT_RESTART;
                *rc = on_event(&event, payload);
            }
        }
    } else if (body.number == 5) {
        while (*rc == REEL_OK && get_field(&c, &f)) {
            struct lm_event value = {.at_s = event.at_s, .step = event.step};
            bool is_known = false;
            if (f.number == 1 && f.wire == WIRE_BYTES &&
                !read_value(inside(&f), &value, &is_known)) {
                return false;
            }
            if (is_known) {
                *rc = on_event(&value, payload);
            }
        }
    }
    return !c.is_broken;
}

size_t lm_events_read(const void *data, size_t n_bytes, lm_on_event *on_event,
                      void *payload, enum reel_status *rc)
{
    const unsigned char *at = data;
    size_t n_done = 0;
    *rc = REEL_OK;
    while (*rc == REEL_OK && n_bytes - n_done >= HEAD_BYTES + TAIL_BYTES) {
        const unsigned char *head = at + n_done, *body = head + HEAD_BYTES;
        const uint64_t n = get_little(head, 8);
        if (n > n_bytes - n_done - HEAD_BYTES - TAIL_BYTES ||
            get_little(head + 8, 4) != masked(head, 8) ||
            get_little(body + n, 4) != masked(body, (size_t)n) ||
            !read_record((struct cursor){.at = body, .end = body + n}, on_event, payload,
                         rc)) {
            break;
        }
        n_done += HEAD_BYTES + (size_t)n + TAIL_BYTES;
    }
    return n_done;
}

double lm_event_quantile(const struct lm_event *event, double q)
{
    double n = 0, below = 0;
    for (size_t i = 0; i < event->n_buckets; i++) {
        n += lm_event_double(event->count, i);
    }
    for (size_t i = 0; i < event->n_buckets; i++) {
        const double here = lm_event_double(event->count, i);
        if (here > 0 && below + here >= q * n) {
            const double low = i > 0 ? lm_event_double(event->border, i - 1) : event->low;
            const double high = lm_event_double(event->border, i);
            return low + (high - low) * (q * n - below) / here;
        }
        below += here;
    }
    return (double)NAN;
}
