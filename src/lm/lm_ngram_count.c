/**
 * Counting by sorting; see lm_ngram_count.h.
 *
 * Not grams are sorted but places in the text: as many words as fit into 64 bits make a key
 * (three of 21 bits), keys are sorted by radix, and only places whose keys are equal look at the
 * next words. A run on disk is grams of `order` words of 4 bytes and a count of 8.
 */
#include "lm_ngram_count.h"

#include "base_alloc.h"
#include "base_error.h"
#include "lm_ngram_words.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    N_SMALL = 24,           /* so few are sorted by insertion */
    N_LARGE = 1 << 15,      /* so many by 11 bits at once, fewer by 8 */
    RUN_BYTES_MIN = 1 << 14 /* read from a run at once */
};

struct lm_count_run {
    uint64_t from, to;   /* bytes of the file that are not read yet */
    unsigned char *data; /* window; [at, end) is not given yet */
    size_t at, end, room;
    const uint32_t *gram; /* the next one, in the window; its count stands behind it */
};

void lm_count_init(struct lm_count *count, int32_t order, struct lm_scratch *scratch,
                   int64_t room_bytes)
{
    // A word of text takes its number, two items, and its share of <s> before the line.
    const int64_t word_bytes = 6 + 2 * (int64_t)sizeof(struct lm_count_item);
    const int64_t n = room_bytes / word_bytes;
    *count = (struct lm_count){.order = order, .scratch = scratch};
    count->n_text_max = n < 4096 ? 4096 : n > INT32_MAX ? INT32_MAX : (size_t)n;
}

void lm_count_release(struct lm_count *count)
{
    for (int32_t r = 0; r < count->n_runs; r++) {
        base_free(count->run[r].data);
    }
    if (count->fd > 0) {
        (void)close(count->fd - 1);
    }
    base_free(count->run);
    base_free(count->heap);
    base_free(count->text);
    base_free(count->item);
    base_free(count->spare);
    base_free(count->gram);
    *count = (struct lm_count){0};
}

// ---- sorting ----

struct sorting {
    const uint32_t *text;
    int32_t order;
    int n_bits, n_key_words; /* of a word in a key; words in a key */
};

/** Words `depth` and before, counted back from each place. */
static void make_keys(const struct sorting *s, struct lm_count_item *item, size_t n,
                      int32_t depth)
{
    const int32_t n_here =
        depth + s->n_key_words <= s->order ? s->n_key_words : s->order - depth;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *word = s->text + item[i].at - depth;
        uint64_t key = 0;
        for (int32_t k = 0; k < n_here; k++) {
            key = key << s->n_bits | word[-k];
        }
        item[i].key = key;
    }
}

static void sort_small(struct lm_count_item *item, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct lm_count_item moved = item[i];
        size_t at = i;
        for (; at > 0 && item[at - 1].key > moved.key; at--) {
            item[at] = item[at - 1];
        }
        item[at] = moved;
    }
}

/** Stable, from the least digit; a digit that all share is passed over. */
static void sort_by_radix(struct lm_count_item *item, struct lm_count_item *spare,
                          size_t n, int n_key_bits)
{
    const int n_digit_bits = n >= N_LARGE ? 11 : 8;
    const size_t n_digits = (size_t)1 << n_digit_bits;
    struct lm_count_item *from = item, *to = spare;
    for (int shift = 0; shift < n_key_bits; shift += n_digit_bits) {
        size_t begin[1 << 11] = {0};
        for (size_t i = 0; i < n; i++) {
            begin[(from[i].key >> shift) & (n_digits - 1)]++;
        }
        if (begin[(from[0].key >> shift) & (n_digits - 1)] == n) {
            continue;
        }
        for (size_t d = 0, sum = 0; d < n_digits; d++) {
            const size_t n_here = begin[d];
            begin[d] = sum;
            sum += n_here;
        }
        for (size_t i = 0; i < n; i++) {
            to[begin[(from[i].key >> shift) & (n_digits - 1)]++] = from[i];
        }
        struct lm_count_item *other = from;
        from = to;
        to = other;
    }
    if (from != item) {
        memcpy(item, from, n * sizeof *item);
    }
}

/** Items whose first `depth` words are equal, by the others. */
static void sort_items(const struct sorting *s, struct lm_count_item *item,
                       struct lm_count_item *spare, size_t n, int32_t depth)
{
    make_keys(s, item, n, depth);
    if (n <= N_SMALL) {
        sort_small(item, n);
    } else {
        sort_by_radix(item, spare, n, s->n_bits * s->n_key_words);
    }
    if (depth + s->n_key_words >= s->order) {
        return;
    }
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && item[end].key == item[i].key) {
            end++;
        }
        if (end - i > 1) {
            sort_items(s, item + i, spare + i, end - i, depth + s->n_key_words);
        }
        i = end;
    }
}

static enum reel_status sort_all(struct lm_count *count, struct reel_error *err)
{
    struct sorting s = {.text = count->text, .order = count->order, .n_bits = 1};
    while (s.n_bits < 31 && count->n_words > (uint32_t)1 << s.n_bits) {
        s.n_bits++;
    }
    s.n_key_words = 64 / s.n_bits < count->order ? 64 / s.n_bits : count->order;
    count->spare = base_alloc_array(count->n_items + 1, sizeof *count->spare);
    if (!count->spare) {
        return fail(err, REEL_ENOMEM, "sorting %zu words", count->n_items);
    }
    sort_items(&s, count->item, count->spare, count->n_items, 0);
    base_free(count->spare);
    count->spare = NULL;
    count->i_item = 0;
    return REEL_OK;
}

/** The next gram of what is sorted in memory; false after the last. */
static bool next_in_memory(struct lm_count *count, uint64_t *n)
{
    if (count->i_item == count->n_items) {
        return false;
    }
    const uint32_t *text = count->text;
    const struct lm_count_item *item = count->item;
    size_t i = count->i_item;
    for (int32_t k = 0; k < count->order; k++) {
        count->gram[k] = text[item[i].at - (uint32_t)k];
    }
    const uint64_t key = item[i].key; // of the last words that were looked at
    for (i++; i < count->n_items && item[i].key == key; i++) {
        int32_t k = 0;
        while (k < count->order && text[item[i].at - (uint32_t)k] == count->gram[k]) {
            k++;
        }
        if (k < count->order) {
            break;
        }
    }
    *n = i - count->i_item;
    count->i_item = i;
    return true;
}

// ---- runs on disk ----

static size_t gram_bytes(const struct lm_count *count)
{
    return (size_t)count->order * sizeof(uint32_t) + sizeof(uint64_t);
}

static enum reel_status write_bytes(struct lm_count *count, const unsigned char *data,
                                    size_t n_bytes, struct reel_error *err)
{
    while (n_bytes > 0) {
        const ssize_t n = pwrite(count->fd - 1, data, n_bytes, (off_t)count->n_fd_bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail(err, REEL_EIO, "%s: no room to work on disk: %s",
                        count->scratch->folder, strerror(n < 0 ? errno : ENOSPC));
        }
        data += n;
        n_bytes -= (size_t)n;
        count->n_fd_bytes += (uint64_t)n;
    }
    return REEL_OK;
}

static enum reel_status write_grams(struct lm_count *count, struct reel_error *err)
{
    enum { BUFFER_BYTES = 1 << 18 };
    unsigned char *buffer = base_alloc(BUFFER_BYTES);
    const size_t n_gram_words = (size_t)count->order * sizeof(uint32_t);
    size_t n_bytes = 0;
    uint64_t n;
    enum reel_status rc = buffer ? REEL_OK : fail(err, REEL_ENOMEM, "a run of grams");
    while (rc == REEL_OK && next_in_memory(count, &n)) {
        if (n_bytes + gram_bytes(count) > BUFFER_BYTES) {
            rc = write_bytes(count, buffer, n_bytes, err);
            n_bytes = 0;
        }
        memcpy(buffer + n_bytes, count->gram, n_gram_words);
        memcpy(buffer + n_bytes + n_gram_words, &n, sizeof n);
        n_bytes += gram_bytes(count);
    }
    rc = rc ? rc : write_bytes(count, buffer, n_bytes, err);
    base_free(buffer);
    return rc;
}

/** What is in memory goes to disk, sorted. */
static enum reel_status write_run(struct lm_count *count, struct reel_error *err)
{
    enum reel_status rc = sort_all(count, err);
    if (rc == REEL_OK && count->fd == 0) {
        int fd;
        rc = lm_scratch_file(count->scratch, &fd, err);
        count->fd = rc ? 0 : fd + 1;
    }
    if (rc == REEL_OK && count->n_runs == count->room_runs) {
        const int32_t room = 2 * count->room_runs + 8;
        struct lm_count_run *run =
            base_realloc_array(count->run, (size_t)room, sizeof *run);
        rc = run ? REEL_OK : fail(err, REEL_ENOMEM, "%d runs", room);
        count->run = run ? run : count->run;
        count->room_runs = run ? room : count->room_runs;
    }
    const uint64_t from = count->n_fd_bytes;
    rc = rc ? rc : write_grams(count, err);
    if (rc == REEL_OK) {
        count->run[count->n_runs++] =
            (struct lm_count_run){.from = from, .to = count->n_fd_bytes};
    }
    count->n_text = 0;
    count->n_items = 0;
    return rc;
}

static enum reel_status fill_window(struct lm_count *count, struct lm_count_run *run,
                                    struct reel_error *err)
{
    const uint64_t n_left = run->to - run->from;
    const size_t n_wanted = n_left < run->room ? (size_t)n_left : run->room;
    run->at = 0;
    run->end = 0;
    while (run->end < n_wanted) {
        const ssize_t n = pread(count->fd - 1, run->data + run->end, n_wanted - run->end,
                                (off_t)run->from);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail(err, REEL_EIO, "%s: cannot be read back: %s",
                        count->scratch->folder, n < 0 ? strerror(errno) : "cut short");
        }
        run->end += (size_t)n;
        run->from += (uint64_t)n;
    }
    return REEL_OK;
}

/** On to the next gram of a run; gram is NULL after the last. */
static enum reel_status advance(struct lm_count *count, struct lm_count_run *run,
                                struct reel_error *err)
{
    run->gram = NULL;
    if (run->at == run->end && run->from < run->to) {
        const enum reel_status rc = fill_window(count, run, err);
        if (rc) {
            return rc;
        }
    }
    if (run->at < run->end) {
        run->gram = (const uint32_t *)(const void *)(run->data + run->at);
        run->at += gram_bytes(count);
    }
    return REEL_OK;
}

static int compare_grams(const uint32_t *a, const uint32_t *b, int32_t order)
{
    for (int32_t k = 0; k < order; k++) {
        if (a[k] != b[k]) {
            return a[k] < b[k] ? -1 : 1;
        }
    }
    return 0;
}

static bool is_before(const struct lm_count *count, int32_t a, int32_t b)
{
    return compare_grams(count->run[a].gram, count->run[b].gram, count->order) < 0;
}

static void sift_down(struct lm_count *count, int32_t at)
{
    const int32_t moved = count->heap[at];
    for (int32_t child = 2 * at + 1; child < count->n_heap; child = 2 * at + 1) {
        child += child + 1 < count->n_heap &&
                 is_before(count, count->heap[child + 1], count->heap[child]);
        if (!is_before(count, count->heap[child], moved)) {
            break;
        }
        count->heap[at] = count->heap[child];
        at = child;
    }
    count->heap[at] = moved;
}

static enum reel_status open_runs(struct lm_count *count, struct reel_error *err)
{
    const size_t n_all = count->n_text_max * sizeof(struct lm_count_item);
    size_t room = n_all / (size_t)count->n_runs;
    room = room < RUN_BYTES_MIN ? RUN_BYTES_MIN : room > 1 << 22 ? 1 << 22 : room;
    room -= room % gram_bytes(count);
    count->heap = base_alloc_array((size_t)count->n_runs, sizeof *count->heap);
    enum reel_status rc =
        count->heap ? REEL_OK : fail(err, REEL_ENOMEM, "%d runs", count->n_runs);
    for (int32_t r = 0; rc == REEL_OK && r < count->n_runs; r++) {
        struct lm_count_run *run = &count->run[r];
        run->room = room;
        run->data = base_alloc(room);
        rc = run->data ? advance(count, run, err)
                       : fail(err, REEL_ENOMEM, "%d runs", count->n_runs);
        if (rc == REEL_OK && run->gram) {
            count->heap[count->n_heap++] = r;
        }
    }
    for (int32_t at = count->n_heap / 2; rc == REEL_OK && at-- > 0;) {
        sift_down(count, at);
    }
    return rc;
}

static enum reel_status next_of_runs(struct lm_count *count, const uint32_t **gram,
                                     uint64_t *n, struct reel_error *err)
{
    const size_t n_gram_words = (size_t)count->order * sizeof(uint32_t);
    *n = 0;
    while (count->n_heap > 0) {
        struct lm_count_run *run = &count->run[count->heap[0]];
        uint64_t n_here;
        if (*n == 0) {
            memcpy(count->gram, run->gram, n_gram_words);
        } else if (compare_grams(count->gram, run->gram, count->order) != 0) {
            break;
        }
        memcpy(&n_here, (const unsigned char *)run->gram + n_gram_words, sizeof n_here);
        *n += n_here;
        const enum reel_status rc = advance(count, run, err);
        if (rc) {
            return rc;
        }
        if (!run->gram) {
            count->heap[0] = count->heap[--count->n_heap];
        }
        if (count->n_heap > 0) {
            sift_down(count, 0);
        }
    }
    *gram = *n > 0 ? count->gram : NULL;
    return REEL_OK;
}

// ---- the door ----

static bool need_room(struct lm_count *count, size_t n_text, size_t n_items)
{
    if (!count->gram) {
        count->gram = base_alloc_zeroed((size_t)count->order, sizeof *count->gram);
        if (!count->gram) {
            return false;
        }
    }
    if (count->n_text + n_text > count->room_text) {
        size_t room = count->room_text + count->room_text / 2 + n_text + 4096;
        uint32_t *text = base_realloc_array(count->text, room, sizeof *text);
        if (!text) {
            return false;
        }
        count->text = text;
        count->room_text = room;
    }
    if (count->n_items + n_items > count->room_items) {
        size_t room = count->room_items + count->room_items / 2 + n_items + 4096;
        struct lm_count_item *item = base_realloc_array(count->item, room, sizeof *item);
        if (!item) {
            return false;
        }
        count->item = item;
        count->room_items = room;
    }
    return true;
}

enum reel_status lm_count_line(struct lm_count *count, const uint32_t *word,
                               size_t n_words, struct reel_error *err)
{
    const size_t n_begin = (size_t)(count->order > 1 ? count->order - 1 : 1);
    if (count->n_items > 0 && count->n_text + n_begin + n_words + 1 > count->n_text_max) {
        const enum reel_status rc = write_run(count, err);
        if (rc) {
            return rc;
        }
    }
    if (!need_room(count, n_begin + n_words + 1, n_words + 1)) {
        return fail(err, REEL_ENOMEM, "counting %zu words", count->n_items + n_words);
    }
    for (size_t i = 0; i < n_begin; i++) {
        count->text[count->n_text++] = LM_BEGIN;
    }
    for (size_t i = 0; i <= n_words; i++) {
        const uint32_t w = i < n_words ? word[i] : LM_END;
        count->n_words = w >= count->n_words ? w + 1 : count->n_words;
        count->item[count->n_items++].at = (uint32_t)count->n_text;
        count->text[count->n_text++] = w;
    }
    return REEL_OK;
}

enum reel_status lm_count_finish(struct lm_count *count, struct reel_error *err)
{
    if (!need_room(count, 0, 0)) {
        return fail(err, REEL_ENOMEM, "a gram");
    }
    if (count->n_runs == 0) {
        return sort_all(count, err);
    }
    enum reel_status rc = count->n_items > 0 ? write_run(count, err) : REEL_OK;
    base_free(count->text);
    base_free(count->item);
    count->text = NULL;
    count->item = NULL;
    return rc ? rc : open_runs(count, err);
}

enum reel_status lm_count_next(struct lm_count *count, const uint32_t **gram, uint64_t *n,
                               struct reel_error *err)
{
    if (count->n_runs > 0) {
        return next_of_runs(count, gram, n, err);
    }
    *gram = next_in_memory(count, n) ? count->gram : NULL;
    return REEL_OK;
}
