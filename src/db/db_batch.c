/**
 * Events of an import, in batches: sorted by viewer, film, kind and time, and put into the
 * histories one viewer after the other, so that the table's b-tree grows at its end.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "db_import.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLACE_BITS = 24,
    BATCH_EVENTS = 12 << 20, // less than 2^PLACE_BITS; 480 MB with the sort's keys
};

// ---- the order of a batch ----

// A key is viewer | film | place in the buffer, from the top. Where viewer and film need
// more than 40 bits, the film's last bits are left out, and qsort does the rest.
struct order {
    uint64_t *key; /* (n) */
    int64_t n;
    int film_bits, film_bits_left_out;
};

static int bits_of(uint32_t number)
{
    return number ? 32 - __builtin_clz(number) : 1;
}

static uint64_t key_viewer(const struct order *order, uint64_t key)
{
    return key >> (PLACE_BITS + order->film_bits);
}

static uint32_t key_place(uint64_t key)
{
    return (uint32_t)key & ((1u << PLACE_BITS) - 1);
}

static void order_init(struct order *order, const struct reel_import *import,
                       uint64_t *key)
{
    uint32_t viewers = 0, films = 0;
    for (int64_t i = 0; i < import->n_events; i++) {
        viewers |= (uint32_t)import->event[i].viewer;
        films |= (uint32_t)import->event[i].film;
    }
    const int film_bits = bits_of(films);
    const int most_bits = 64 - PLACE_BITS - bits_of(viewers);
    *order = (struct order){
        .key = key,
        .n = import->n_events,
        .film_bits = film_bits < most_bits ? film_bits : most_bits,
        .film_bits_left_out = film_bits < most_bits ? 0 : film_bits - most_bits,
    };
    for (int64_t i = 0; i < order->n; i++) {
        const struct db_event *event = &import->event[i];
        key[i] = ((uint64_t)event->viewer << order->film_bits |
                  (uint64_t)event->film >> order->film_bits_left_out)
                     << PLACE_BITS |
                 (uint64_t)i;
    }
}

// By all but the place, stably; `other` has room for as many.
static void radix_sort(uint64_t *key, uint64_t *other, int64_t n)
{
    uint64_t *const home = key;
    for (int shift = PLACE_BITS; shift < 64; shift += 11) {
        int64_t start[2049] = {0};
        for (int64_t i = 0; i < n; i++) {
            start[(key[i] >> shift & 2047) + 1]++;
        }
        if (start[(key[0] >> shift & 2047) + 1] == n) {
            continue; // all alike in these bits
        }
        for (int b = 0; b < 2048; b++) {
            start[b + 1] += start[b];
        }
        for (int64_t i = 0; i < n; i++) {
            other[start[key[i] >> shift & 2047]++] = key[i];
        }
        uint64_t *swap = key;
        key = other;
        other = swap;
    }
    if (key != home) {
        memcpy(home, key, (size_t)n * sizeof *key);
    }
}

static int in_viewer_compare(const void *a, const void *b)
{
    const struct db_event *x = a, *y = b;
    const int order = db_event_compare(x, y);
    return order ? order : x->viewer - y->viewer; // here: place in the buffer
}

// ---- one viewer after the other ----

struct group {
    struct db_event *event; /* (n) of one viewer */
    int32_t n, n_room;
};

// Copy a viewer's events, ascending; `viewer` of the copies holds their place in the buffer.
static enum reel_status gather(struct group *group, const struct reel_import *import,
                               const struct order *order, int64_t begin, int64_t n,
                               struct reel_error *err)
{
    enum { AHEAD = 16 }; // places in the buffer are random: ask for them early
    if (n > group->n_room) {
        const int64_t n_room = n + n / 2;
        struct db_event *more =
            base_realloc_array(group->event, (size_t)n_room, sizeof *more);
        if (!more) {
            return fail(err, REEL_ENOMEM, "%d events of a viewer", (int)n);
        }
        group->event = more;
        group->n_room = (int32_t)n_room;
    }
    bool is_ascending = true;
    for (int64_t i = 0; i < n; i++) {
        if (begin + i + AHEAD < order->n) {
            __builtin_prefetch(&import->event[key_place(order->key[begin + i + AHEAD])]);
        }
        struct db_event *event = &group->event[i];
        const uint32_t place = key_place(order->key[begin + i]);
        *event = import->event[place];
        event->viewer = (int32_t)place;
        event->film = (int32_t)db_import_film_now(import, event->film);
        is_ascending =
            is_ascending && (i == 0 || db_event_compare(event - 1, event) <= 0);
    }
    if (!is_ascending) {
        qsort(group->event, (size_t)n, sizeof *group->event, in_viewer_compare);
    }
    group->n = (int32_t)n;
    return REEL_OK;
}

// Of events of the same film, kind and time the last one said stays.
static void drop_doubles(struct group *group, struct reel_import_report *report)
{
    int32_t n = 0;
    for (int32_t i = 0; i < group->n; i++) {
        if (i + 1 < group->n &&
            db_event_compare(&group->event[i], &group->event[i + 1]) == 0) {
            report->n_already_there += !group->event[i].is_counted;
        } else {
            group->event[n++] = group->event[i];
        }
    }
    group->n = n;
}

static void count_event(const struct db_event *event, enum db_fate fate, float before,
                        void *payload)
{
    struct reel_import *import = payload;
    struct reel_import_report *report = &import->report;
    if (fate == DB_EVENT_KNOWN) {
        report->n_already_there += !event->is_counted;
        return;
    }
    struct db_tally *tally = &import->film[event->film].tally;
    const int kind = db_event_kind(event->when);
    if (fate == DB_EVENT_CHANGED) {
        db_tally_add(tally, kind, (double)before, -1);
    }
    db_tally_add(tally, kind, (double)event->value, 1);
    report->n_events_new += fate == DB_EVENT_NEW;
    report->n_accepted += !event->is_counted;
}

static enum reel_status groups_write(struct reel_import *import,
                                     const struct order *order, struct reel_error *err)
{
    struct group group = {0};
    enum reel_status rc = REEL_OK;
    for (int64_t begin = 0, end; rc == REEL_OK && begin < order->n; begin = end) {
        const uint64_t viewer = key_viewer(order, order->key[begin]);
        end = begin + 1;
        while (end < order->n && key_viewer(order, order->key[end]) == viewer) {
            end++;
        }
        rc = gather(&group, import, order, begin, end - begin, err);
        if (rc) {
            break;
        }
        drop_doubles(&group, &import->report);
        rc = db_event_merge(import->store, (int64_t)viewer,
                            (int64_t)viewer > import->viewer_key_max, group.event,
                            group.n, count_event, import, err);
    }
    base_free(group.event);
    return rc;
}

// ---- filling and writing ----

enum reel_status db_batch_add(struct reel_import *import, const struct db_event *event,
                              struct reel_error *err)
{
    if (import->n_events == import->n_room) {
        if (import->n_room == BATCH_EVENTS) {
            const enum reel_status rc = db_batch_flush(import, err);
            if (rc) {
                return rc;
            }
        } else {
            int64_t n_room = import->n_room ? 2 * import->n_room : 4096;
            n_room = n_room > BATCH_EVENTS ? BATCH_EVENTS : n_room;
            struct db_event *more =
                base_realloc_array(import->event, (size_t)n_room, sizeof *more);
            if (!more) {
                return fail(err, REEL_ENOMEM, "%lld buffered events", (long long)n_room);
            }
            import->event = more;
            import->n_room = n_room;
        }
    }
    import->event[import->n_events++] = *event;
    return REEL_OK;
}

enum reel_status db_batch_flush(struct reel_import *import, struct reel_error *err)
{
    const int64_t n = import->n_events;
    if (n == 0) {
        return REEL_OK;
    }
    uint64_t *key = base_alloc_array(2 * (size_t)n, sizeof *key);
    if (!key) {
        return fail(err, REEL_ENOMEM, "the order of %lld events", (long long)n);
    }
    struct order order;
    order_init(&order, import, key);
    radix_sort(key, key + n, n);
    const enum reel_status rc = groups_write(import, &order, err);
    const int64_t viewer_last = (int64_t)key_viewer(&order, key[n - 1]);
    if (viewer_last > import->viewer_key_max) {
        import->viewer_key_max = viewer_last;
    }
    base_free(key);
    import->n_events = 0;
    return rc;
}
