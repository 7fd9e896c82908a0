/**
 * See lm_kernel.h.
 *
 * A packed tile, block after block of 32 columns:
 *   Q4_1   scale (8) half, least (8) half, 4 x 32 bytes; byte 4r + j of part i holds weight
 *          4i + j of row r in its low half and weight 16 + 4i + j in its high half
 *   Q8_0   scale (8) half, 8 x 32 bytes; byte 4r + j of part i is weight 4i + j of row r
 * so that one load holds four weights of eight rows, against four activations repeated.
 */
#include "lm_kernel.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define FAST __attribute__((target("avx2,fma,f16c")))

enum {
    Q4_1_BYTES = 20, /* of one block as ggml stores it */
    Q8_0_BYTES = 34,
    Q4_1_TILE_BYTES = 160, /* of one block of a tile */
    Q8_0_TILE_BYTES = 272,
    N_TOGETHER = 4, /* columns whose sums stay in registers */
    N_CELLS_TOGETHER = 32,
    N_GROUP_HEADS_MAX = 16,
};

bool lm_kernel_is_here(void)
{
    // F16C is older than AVX2, and clang has no word for it here.
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static float from_half(uint16_t half)
{
    const int32_t sign = half & 0x8000 ? -1 : 1, exponent = half >> 10 & 31,
                  fraction = half & 1023;
    const float size = exponent == 0    ? ldexpf((float)fraction, -24)
                       : exponent == 31 ? (fraction ? NAN : INFINITY)
                                        : ldexpf((float)(fraction + 1024), exponent - 25);
    return (float)sign * size;
}

// ---- packing ----

static size_t block_bytes(enum lm_weight type)
{
    return type == LM_WEIGHT_Q4_1 ? Q4_1_BYTES : Q8_0_BYTES;
}

static size_t tile_bytes(enum lm_weight type)
{
    return type == LM_WEIGHT_Q4_1 ? Q4_1_TILE_BYTES : Q8_0_TILE_BYTES;
}

size_t lm_packed_bytes(enum lm_weight type, int64_t n_rows, int64_t n_cols)
{
    return (size_t)(n_rows / LM_TILE) * (size_t)(n_cols / LM_BLOCK) * tile_bytes(type);
}

static void pack_block_q4_1(const unsigned char *const row[LM_TILE], unsigned char *out)
{
    for (int r = 0; r < LM_TILE; r++) {
        memcpy(out + 2 * r, row[r], 2);
        memcpy(out + 16 + 2 * r, row[r] + 2, 2);
        // ggml: byte k holds weight k and weight 16 + k.
        for (int i = 0; i < 4; i++) {
            memcpy(out + 32 + 32 * i + 4 * r, row[r] + 4 + 4 * i, 4);
        }
    }
}

static void pack_block_q8_0(const unsigned char *const row[LM_TILE], unsigned char *out)
{
    for (int r = 0; r < LM_TILE; r++) {
        memcpy(out + 2 * r, row[r], 2);
        for (int i = 0; i < 8; i++) {
            memcpy(out + 16 + 32 * i + 4 * r, row[r] + 2 + 4 * i, 4);
        }
    }
}

void lm_pack(enum lm_weight type, const void *rows, int64_t n_rows, int64_t n_cols,
             void *packed)
{
    const size_t n_blocks = (size_t)(n_cols / LM_BLOCK);
    const size_t n_row_bytes = n_blocks * block_bytes(type);
    unsigned char *out = packed;
    for (int64_t tile = 0; tile < n_rows / LM_TILE; tile++) {
        for (size_t b = 0; b < n_blocks; b++) {
            const unsigned char *row[LM_TILE];
            for (int r = 0; r < LM_TILE; r++) {
                row[r] = (const unsigned char *)rows +
                         (size_t)(tile * LM_TILE + r) * n_row_bytes +
                         b * block_bytes(type);
            }
            if (type == LM_WEIGHT_Q4_1) {
                pack_block_q4_1(row, out);
            } else {
                pack_block_q8_0(row, out);
            }
            out += tile_bytes(type);
        }
    }
}

// ---- activations ----

size_t lm_columns_bytes(int64_t n_columns, int64_t n_cols)
{
    return (size_t)n_columns * (size_t)(n_cols + n_cols / LM_BLOCK * 8);
}

void lm_columns_lay(struct lm_columns *columns, int64_t n_columns, int64_t n_cols,
                    void *memory)
{
    const int64_t n_blocks = n_cols / LM_BLOCK;
    *columns = (struct lm_columns){.n_columns = n_columns, .n_cols = n_cols};
    columns->scale = memory;
    columns->sum = columns->scale + n_columns * n_blocks;
    columns->q = (int8_t *)(columns->sum + n_columns * n_blocks);
}

FAST static void round_block(const float *x, int8_t *q, float *scale, float *sum)
{
    const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    __m256 part[4], most = _mm256_setzero_ps();
    for (int i = 0; i < 4; i++) {
        part[i] = _mm256_loadu_ps(x + 8 * i);
        most = _mm256_max_ps(most, _mm256_and_ps(part[i], no_sign));
    }
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    m = _mm_max_ss(m, _mm_movehdup_ps(m));
    const float largest = _mm_cvtss_f32(m);
    const __m256 factor = _mm256_set1_ps(largest > 0 ? 127 / largest : 0);
    __m256i whole[4], all = _mm256_setzero_si256();
    for (int i = 0; i < 4; i++) {
        whole[i] = _mm256_cvtps_epi32(_mm256_mul_ps(part[i], factor));
        all = _mm256_add_epi32(all, whole[i]);
    }
    __m128i a =
        _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    a = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0x4e));
    a = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0xb1));
    *scale = largest / 127;
    *sum = *scale * (float)_mm_cvtsi128_si32(a);
    // Packing works on halves of the registers, so their order is mended after it.
    const __m256i low = _mm256_packs_epi32(whole[0], whole[1]);
    const __m256i high = _mm256_packs_epi32(whole[2], whole[3]);
    const __m256i bytes = _mm256_permutevar8x32_epi32(
        _mm256_packs_epi16(low, high), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)q, bytes);
}

FAST void lm_columns_round(struct lm_columns *columns, const float *x, int64_t stride,
                           int64_t begin, int64_t end)
{
    const int64_t n_blocks = columns->n_cols / LM_BLOCK;
    for (int64_t c = begin; c < end; c++) {
        for (int64_t b = 0; b < n_blocks; b++) {
            round_block(x + c * stride + b * LM_BLOCK,
                        columns->q + c * columns->n_cols + b * LM_BLOCK,
                        columns->scale + c * n_blocks + b,
                        columns->sum + c * n_blocks + b);
        }
    }
}

// ---- products ----

/** A tile made ready for all columns, block after block. */
struct ready {
    __m256i weight[8]; /* Q4_1: 0..15; Q8_0: as they are */
    __m256 scale, least;
};

size_t lm_multiply_bytes(int64_t n_cols)
{
    return (size_t)(n_cols / LM_BLOCK) * sizeof(struct ready);
}

FAST static void make_ready_q4_1(const unsigned char *tile, int64_t n_blocks,
                                 struct ready *out)
{
    const __m256i low = _mm256_set1_epi8(15);
    for (int64_t b = 0; b < n_blocks; b++, tile += Q4_1_TILE_BYTES) {
        const __m128i *half = (const __m128i *)(const void *)tile;
        out[b].scale = _mm256_cvtph_ps(_mm_loadu_si128(half));
        out[b].least = _mm256_cvtph_ps(_mm_loadu_si128(half + 1));
        for (int i = 0; i < 4; i++) {
            const __m256i both =
                _mm256_loadu_si256((const __m256i *)(const void *)(tile + 32) + i);
            out[b].weight[i] = _mm256_and_si256(both, low);
            out[b].weight[4 + i] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
        }
    }
}

FAST static void make_ready_q8_0(const unsigned char *tile, int64_t n_blocks,
                                 struct ready *out)
{
    for (int64_t b = 0; b < n_blocks; b++, tile += Q8_0_TILE_BYTES) {
        out[b].scale =
            _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)tile));
        for (int i = 0; i < 8; i++) {
            out[b].weight[i] =
                _mm256_loadu_si256((const __m256i *)(const void *)(tile + 16) + i);
        }
    }
}

FAST static inline __m256i four_of(const int8_t *q)
{
    int32_t four;
    memcpy(&four, q, sizeof four);
    return _mm256_set1_epi32(four);
}

/** Columns [first, first + n) of one tile; n is a constant where this is called. */
FAST static inline __attribute__((always_inline)) void tile_q4_1(
    const struct ready *tile, int64_t n_blocks, const struct lm_columns *columns,
    int64_t first, int n, float *out, int64_t n_rows)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 sum[N_TOGETHER];
    for (int c = 0; c < n; c++) {
        sum[c] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < n_blocks; b++) {
        __m256i part[N_TOGETHER];
        for (int c = 0; c < n; c++) {
            part[c] = _mm256_setzero_si256();
        }
        for (int i = 0; i < 8; i++) {
            const __m256i weight = tile[b].weight[i];
            for (int c = 0; c < n; c++) {
                const int8_t *q =
                    columns->q + (first + c) * columns->n_cols + b * LM_BLOCK + 4 * i;
                part[c] =
                    _mm256_add_epi16(part[c], _mm256_maddubs_epi16(weight, four_of(q)));
            }
        }
        for (int c = 0; c < n; c++) {
            const int64_t at = (first + c) * n_blocks + b;
            const __m256 whole = _mm256_cvtepi32_ps(_mm256_madd_epi16(part[c], ones));
            const __m256 scale =
                _mm256_mul_ps(tile[b].scale, _mm256_set1_ps(columns->scale[at]));
            sum[c] = _mm256_fmadd_ps(whole, scale, sum[c]);
            sum[c] =
                _mm256_fmadd_ps(tile[b].least, _mm256_set1_ps(columns->sum[at]), sum[c]);
        }
    }
    for (int c = 0; c < n; c++) {
        _mm256_storeu_ps(out + (first + c) * n_rows, sum[c]);
    }
}

FAST static inline __attribute__((always_inline)) void tile_q8_0(
    const struct ready *tile, int64_t n_blocks, const struct lm_columns *columns,
    int64_t first, int n, float *out, int64_t n_rows)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 sum[N_TOGETHER];
    for (int c = 0; c < n; c++) {
        sum[c] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < n_blocks; b++) {
        __m256i part[N_TOGETHER];
        for (int c = 0; c < n; c++) {
            part[c] = _mm256_setzero_si256();
        }
        for (int i = 0; i < 8; i++) {
            // The instruction wants one side without sign: the weight's goes to the other.
            const __m256i weight = tile[b].weight[i];
            const __m256i size = _mm256_abs_epi8(weight);
            for (int c = 0; c < n; c++) {
                const int8_t *q =
                    columns->q + (first + c) * columns->n_cols + b * LM_BLOCK + 4 * i;
                const __m256i pairs =
                    _mm256_maddubs_epi16(size, _mm256_sign_epi8(four_of(q), weight));
                part[c] = _mm256_add_epi32(part[c], _mm256_madd_epi16(pairs, ones));
            }
        }
        for (int c = 0; c < n; c++) {
            const __m256 scale =
                _mm256_mul_ps(tile[b].scale,
                              _mm256_set1_ps(columns->scale[(first + c) * n_blocks + b]));
            sum[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(part[c]), scale, sum[c]);
        }
    }
    for (int c = 0; c < n; c++) {
        _mm256_storeu_ps(out + (first + c) * n_rows, sum[c]);
    }
}

FAST static void tile_columns(enum lm_weight type, const struct ready *tile,
                              int64_t n_blocks, const struct lm_columns *columns,
                              float *out, int64_t n_rows)
{
    int64_t c = 0;
    if (type == LM_WEIGHT_Q4_1) {
        for (; c + N_TOGETHER <= columns->n_columns; c += N_TOGETHER) {
            tile_q4_1(tile, n_blocks, columns, c, N_TOGETHER, out, n_rows);
        }
        for (; c < columns->n_columns; c++) {
            tile_q4_1(tile, n_blocks, columns, c, 1, out, n_rows);
        }
    } else {
        for (; c + N_TOGETHER <= columns->n_columns; c += N_TOGETHER) {
            tile_q8_0(tile, n_blocks, columns, c, N_TOGETHER, out, n_rows);
        }
        for (; c < columns->n_columns; c++) {
            tile_q8_0(tile, n_blocks, columns, c, 1, out, n_rows);
        }
    }
}

void lm_multiply(enum lm_weight type, const void *packed, int64_t n_rows,
                 const struct lm_columns *columns, int64_t begin, int64_t end, float *out,
                 void *scratch)
{
    const int64_t n_blocks = columns->n_cols / LM_BLOCK;
    struct ready *ready = scratch;
    for (int64_t t = begin; t < end; t++) {
        const unsigned char *tile =
            (const unsigned char *)packed + (size_t)(t * n_blocks) * tile_bytes(type);
        if (type == LM_WEIGHT_Q4_1) {
            make_ready_q4_1(tile, n_blocks, ready);
        } else {
            make_ready_q8_0(tile, n_blocks, ready);
        }
        // The next tile comes from memory while this one is at work.
        const size_t n_tile_bytes = (size_t)n_blocks * tile_bytes(type);
        for (size_t at = 0; t + 1 < end && at < n_tile_bytes; at += 64) {
            _mm_prefetch((const char *)tile + n_tile_bytes + at, _MM_HINT_T0);
        }
        tile_columns(type, ready, n_blocks, columns, out + t * LM_TILE, n_rows);
    }
}

void lm_multiply_naive(enum lm_weight type, const void *rows, int64_t n_rows,
                       int64_t n_cols, const float *x, int64_t n_columns, float *out)
{
    const size_t n_row_bytes = (size_t)(n_cols / LM_BLOCK) * block_bytes(type);
    for (int64_t c = 0; c < n_columns; c++) {
        for (int64_t r = 0; r < n_rows; r++) {
            const unsigned char *block =
                (const unsigned char *)rows + (size_t)r * n_row_bytes;
            double sum = 0;
            for (int64_t k = 0; k < n_cols; k++) {
                const unsigned char *b = block + (size_t)(k / 32) * block_bytes(type);
                uint16_t half[2];
                double weight;
                memcpy(half, b, sizeof half);
                if (type == LM_WEIGHT_Q4_1) {
                    const int nibble = b[4 + k % 16] >> (k % 32 < 16 ? 0 : 4) & 15;
                    weight =
                        (double)from_half(half[0]) * nibble + (double)from_half(half[1]);
                } else {
                    weight = (double)from_half(half[0]) * (signed char)b[2 + k % 32];
                }
                sum += weight * (double)x[c * n_cols + k];
            }
            out[c * n_rows + r] = (float)sum;
        }
    }
}

// ---- attention ----

/** What one token and head has gathered so far: softmax is taken on the way. */
struct gathered {
    float most, weight;
    float value[256];
};

static size_t n_group_heads(const struct lm_attention *a)
{
    return (size_t)(a->n_heads / a->n_groups);
}

size_t lm_attend_bytes(const struct lm_attention *a)
{
    return (size_t)a->n_tokens * n_group_heads(a) * sizeof(struct gathered) +
           2 * sizeof(float) * N_CELLS_TOGETHER * (size_t)a->width + 64;
}

FAST static void from_halves(const uint16_t *half, float *out, int32_t n)
{
    for (int32_t i = 0; i < n; i += 8) {
        const __m128i eight = _mm_loadu_si128((const __m128i *)(const void *)(half + i));
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(eight));
    }
}

/** Sums of each of four registers. */
FAST static inline __m128 four_sums(const __m256 x[4])
{
    const __m256 a = _mm256_hadd_ps(x[0], x[1]), b = _mm256_hadd_ps(x[2], x[3]);
    const __m256 both = _mm256_hadd_ps(a, b);
    return _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
}

/** query . key of each cell seen, four cells at a time; room for a multiple of four. */
FAST static void dots(const float *query, const float *key, const int32_t *seen,
                      int32_t n_seen, int32_t width, float *out)
{
    for (int32_t i = 0; i < n_seen; i += 4) {
        const float *cell[4];
        __m256 sum[4];
        for (int k = 0; k < 4; k++) {
            cell[k] = key + seen[i + k < n_seen ? i + k : i] * width;
            sum[k] = _mm256_setzero_ps();
        }
        for (int32_t d = 0; d < width; d += 8) {
            const __m256 q = _mm256_loadu_ps(query + d);
            for (int k = 0; k < 4; k++) {
                sum[k] = _mm256_fmadd_ps(q, _mm256_loadu_ps(cell[k] + d), sum[k]);
            }
        }
        _mm_storeu_ps(out + i, four_sums(sum));
    }
}

/** exp of n values <= 0, in place; relative error below 1e-6, 0 below -87. */
FAST static void exp_all(float *x, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const float y = x[i] < -87 ? -87 : x[i];
        const float k = floorf(y * 1.44269504F + 0.5F);
        const float r = y - k * 0.693359375F + k * 2.12194440e-4F;
        const float e =
            1 +
            r * (1 + r * (0.5F + r * (1.0F / 6 + r * (1.0F / 24 + r * (1.0F / 120)))));
        const int32_t bits = ((int32_t)k + 127) << 23;
        float power;
        memcpy(&power, &bits, sizeof power);
        x[i] = x[i] < -87 ? 0 : e * power;
    }
}

/** out = keep * out + sum of score * value over 8 n numbers; n is a constant where called. */
FAST static inline __attribute__((always_inline)) void add_values(
    float *out, float keep, const float *score, const int32_t *seen, int32_t n_seen,
    const float *value, int32_t width, int n)
{
    __m256 sum[4];
    for (int k = 0; k < n; k++) {
        sum[k] = _mm256_mul_ps(_mm256_loadu_ps(out + 8 * k), _mm256_set1_ps(keep));
    }
    for (int32_t i = 0; i < n_seen; i++) {
        const __m256 weight = _mm256_set1_ps(score[i]);
        const float *cell = value + seen[i] * width;
        for (int k = 0; k < n; k++) {
            sum[k] = _mm256_fmadd_ps(weight, _mm256_loadu_ps(cell + 8 * k), sum[k]);
        }
    }
    for (int k = 0; k < n; k++) {
        _mm256_storeu_ps(out + 8 * k, sum[k]);
    }
}

/** Add what one token and head sees of a few cells. `score` (n_seen) of cells `seen`. */
FAST static void gather(struct gathered *g, float *score, const int32_t *seen,
                        int32_t n_seen, const float *value, int32_t width)
{
    float most = g->most;
    for (int32_t i = 0; i < n_seen; i++) {
        most = score[i] > most ? score[i] : most;
    }
    const float keep = g->weight > 0 ? expf(g->most - most) : 0;
    for (int32_t i = 0; i < n_seen; i++) {
        score[i] -= most;
    }
    exp_all(score, n_seen);
    g->most = most;
    g->weight *= keep;
    for (int32_t i = 0; i < n_seen; i++) {
        g->weight += score[i];
    }
    int32_t d = 0;
    for (; d + 32 <= width; d += 32) { // four sums, so that none waits for itself
        add_values(g->value + d, keep, score, seen, n_seen, value + d, width, 4);
    }
    for (; d < width; d += 8) {
        add_values(g->value + d, keep, score, seen, n_seen, value + d, width, 1);
    }
}

/** Bit i: the token sees the i-th of `n` cells. */
FAST static uint32_t seen_bits(const uint16_t *mask, int32_t n)
{
    const __m256i blind = _mm256_set1_epi16((short)0xfc00); // minus infinity
    uint32_t bits = 0;
    if (n == N_CELLS_TOGETHER) {
        const __m256i *at = (const __m256i *)(const void *)mask;
        const __m256i low = _mm256_cmpeq_epi16(_mm256_loadu_si256(at), blind);
        const __m256i high = _mm256_cmpeq_epi16(_mm256_loadu_si256(at + 1), blind);
        const __m256i both =
            _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
        return ~(uint32_t)_mm256_movemask_epi8(both);
    }
    for (int32_t i = 0; i < n; i++) {
        bits |= (uint32_t)(mask[i] != 0xfc00) << i;
    }
    return bits;
}

/** Cells that a token sees among `n` from `from` on, and what the mask adds to their scores. */
static int32_t find_seen(const struct lm_attention *a, int32_t token, int32_t from,
                         int32_t n, int32_t *seen, float *added)
{
    const uint16_t *mask = a->mask + token * a->mask_token_stride + from;
    int32_t n_seen = 0;
    for (uint32_t bits = seen_bits(mask, n); bits != 0; bits &= bits - 1) {
        const int32_t i = __builtin_ctz(bits);
        added[n_seen] = mask[i] == 0 ? 0 : from_half(mask[i]);
        seen[n_seen++] = i;
    }
    return n_seen;
}

static void attend_group(const struct lm_attention *a, int64_t group,
                         struct gathered *gathered, float *key, float *value)
{
    const int32_t n_heads = (int32_t)n_group_heads(a);
    for (int32_t from = 0; from < a->n_cells; from += N_CELLS_TOGETHER) {
        const int32_t n =
            a->n_cells - from < N_CELLS_TOGETHER ? a->n_cells - from : N_CELLS_TOGETHER;
        bool is_read = false;
        for (int32_t token = 0; token < a->n_tokens; token++) {
            int32_t seen[N_CELLS_TOGETHER];
            float added[N_CELLS_TOGETHER], score[N_CELLS_TOGETHER];
            const int32_t n_seen = find_seen(a, token, from, n, seen, added);
            for (int32_t i = 0; n_seen > 0 && !is_read && i < n; i++) {
                from_halves(a->key + (from + i) * a->key_cell_stride +
                                group * a->key_group_stride,
                            key + i * a->width, a->width);
                from_halves(a->value + (from + i) * a->value_cell_stride +
                                group * a->value_group_stride,
                            value + i * a->width, a->width);
            }
            is_read = is_read || n_seen > 0;
            for (int32_t h = 0; n_seen > 0 && h < n_heads; h++) {
                const float *query = a->query + token * a->query_token_stride +
                                     (group * n_heads + h) * a->query_head_stride;
                dots(query, key, seen, n_seen, a->width, score);
                for (int32_t i = 0; i < n_seen; i++) {
                    score[i] = a->scale * score[i] + added[i];
                }
                gather(&gathered[token * n_heads + h], score, seen, n_seen, value,
                       a->width);
            }
        }
    }
}

void lm_attend(const struct lm_attention *a, int64_t begin, int64_t end, void *scratch)
{
    const int32_t n_heads = (int32_t)n_group_heads(a);
    struct gathered *gathered = scratch;
    float *key = (float *)(gathered + a->n_tokens * n_heads);
    float *value = key + N_CELLS_TOGETHER * a->width;
    for (int64_t group = begin; group < end; group++) {
        for (int32_t i = 0; i < a->n_tokens * n_heads; i++) {
            gathered[i].most = -INFINITY;
            gathered[i].weight = 0;
            memset(gathered[i].value, 0, sizeof(float) * (size_t)a->width);
        }
        attend_group(a, group, gathered, key, value);
        for (int32_t i = 0; i < a->n_tokens * n_heads; i++) {
            float *out = a->out + ((int64_t)(i / n_heads) * a->n_heads + group * n_heads +
                                   i % n_heads) *
                                      a->width;
            const float part = gathered[i].weight > 0 ? 1 / gathered[i].weight : 0;
            for (int32_t d = 0; d < a->width; d++) {
                out[d] = gathered[i].value[d] * part;
            }
        }
    }
}

void lm_attend_naive(const struct lm_attention *a)
{
    const int32_t n_heads = (int32_t)n_group_heads(a);
    for (int32_t t = 0; t < a->n_tokens; t++) {
        for (int32_t h = 0; h < a->n_heads; h++) {
            const float *query =
                a->query + t * a->query_token_stride + h * a->query_head_stride;
            double weight = 0, value[256] = {0};
            for (int32_t cell = 0; cell < a->n_cells; cell++) {
                const uint16_t *k = a->key + cell * a->key_cell_stride +
                                    h / n_heads * a->key_group_stride;
                const uint16_t *v = a->value + cell * a->value_cell_stride +
                                    h / n_heads * a->value_group_stride;
                double score =
                    (double)from_half(a->mask[t * a->mask_token_stride + cell]);
                for (int32_t d = 0; d < a->width; d++) {
                    score +=
                        (double)a->scale * (double)query[d] * (double)from_half(k[d]);
                }
                const double p = exp(score);
                weight += p;
                for (int32_t d = 0; d < a->width; d++) {
                    value[d] += p * (double)from_half(v[d]);
                }
            }
            for (int32_t d = 0; d < a->width; d++) {
                a->out[((int64_t)t * a->n_heads + h) * a->width + d] =
                    (float)(weight > 0 ? value[d] / weight : 0);
            }
        }
    }
}

#else

bool lm_kernel_is_here(void)
{
    return false;
}

#endif
