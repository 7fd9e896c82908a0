/**
 * Event files of TensorBoard, written and read without TensorBoard.
 *
 * A file is a row of records: length (8 bytes, little endian), its masked CRC32C, that many
 * bytes, their masked CRC32C. The bytes are one protobuf message tensorflow.Event:
 *
 *     Event       1 wall_time double, 2 step varint, then one of 3 file_version,
 *                 5 Summary, 7 SessionLog
 *     SessionLog  1 status (1: START, forget what has this step or a later one)
 *     Summary     1 Value, repeated
 *     Value       1 tag, then 2 simple_value float, 5 HistogramProto, or 8 TensorProto with
 *                 9 SummaryMetadata that names the plugin "text"
 *
 * Whatever else a file holds is passed over.
 */
#ifndef LM_EVENTS_H
#define LM_EVENTS_H

#include "base_buffer.h"

/** CRC32C (Castagnoli) of bytes, and its naive twin, bit by bit. */
uint32_t lm_crc32c(const void *data, size_t n_bytes);
uint32_t lm_crc32c_naive(const void *data, size_t n_bytes);

/* ---- histograms ---- */

enum { LM_HISTOGRAM_HALF = 774, LM_HISTOGRAM_BUCKETS = 2 * LM_HISTOGRAM_HALF + 1 };

/**
 * TensorBoard's own buckets: the middle one up to 1e-12 from 0, on both sides of it each ten
 * percent wider than the one before, the last without end.
 */
struct lm_histogram {
    double low, high, n, sum, sum_squares; /* of what was counted */
    int64_t count[LM_HISTOGRAM_BUCKETS];
};
/** What is no finite number is left out. */
void lm_histogram_init(struct lm_histogram *h, const float *x, size_t n);
/** The upper border of bucket i. */
double lm_histogram_border(int32_t i);

/* ---- writing: one record at the end of `out`; false when there is no room ---- */

bool lm_event_add_version(struct base_buffer *out, double at_s) REEL_CHECKED;
bool lm_event_add_restart(struct base_buffer *out, double at_s,
                          int64_t step) REEL_CHECKED;
bool lm_event_add_scalar(struct base_buffer *out, double at_s, int64_t step,
                         const char *tag, double value) REEL_CHECKED;
bool lm_event_add_text(struct base_buffer *out, double at_s, int64_t step,
                       const char *tag, const char *text) REEL_CHECKED;
bool lm_event_add_histogram(struct base_buffer *out, double at_s, int64_t step,
                            const char *tag, const struct lm_histogram *h) REEL_CHECKED;

/* ---- reading ---- */

enum lm_event_kind {
    LM_EVENT_VERSION,
    LM_EVENT_RESTART, /* values of this step and later ones do not count */
    LM_EVENT_SCALAR,
    LM_EVENT_TEXT,
    LM_EVENT_HISTOGRAM,
};

/** Points into the bytes of the file; texts do not end with NUL. */
struct lm_event {
    enum lm_event_kind kind;
    double at_s;
    int64_t step;
    const char *tag, *text; /* text: what it says, or the version */
    size_t n_tag_bytes, n_text_bytes;
    double value;
    double low;                          /* least number of a histogram */
    const unsigned char *border, *count; /* (n_buckets) doubles, wherever they lie */
    size_t n_buckets;
};
typedef enum reel_status lm_on_event(const struct lm_event *event, void *payload);

/**
 * Hand every event to `on_event` until one is damaged, or it returns other than REEL_OK
 * (*rc receives that). Gives the number of bytes that whole records take.
 */
size_t lm_events_read(const void *data, size_t n_bytes, lm_on_event *on_event,
                      void *payload, enum reel_status *rc);
/** Number i of doubles at `at`. */
double lm_event_double(const unsigned char *at, size_t i);
/** The number below which the share q of a histogram lies. */
double lm_event_quantile(const struct lm_event *event, double q);

#endif
