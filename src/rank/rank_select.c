/**
 * Top-N by a heap of the best so far with the worst of them on top, sorted in place at the
 * end; most scores cost one comparison.
 */
#include "rank_select.h"

#include <math.h>
#include <stdbool.h>

static bool is_better(const float *score, int32_t a, int32_t b)
{
    return score[a] > score[b] || (score[a] == score[b] && a < b);
}

/** Let heap[0] sink to its place among n. */
static void sink(const float *score, int32_t *heap, int32_t n)
{
    const int32_t moved = heap[0];
    int32_t at = 0;
    for (int32_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && is_better(score, heap[child], heap[child + 1])) {
            child++;
        }
        if (!is_better(score, moved, heap[child])) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static void rise(const float *score, int32_t *heap, int32_t at)
{
    const int32_t moved = heap[at];
    while (at > 0 && is_better(score, heap[(at - 1) / 2], moved)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = moved;
}

int32_t rank_select(const float *score, const uint8_t *allowed, int32_t n, int32_t n_top,
                    int32_t *index)
{
    int32_t n_heap = 0;
    for (int32_t i = 0; i < n && n_top > 0; i++) {
        if (n_heap == n_top && !(score[i] > score[index[0]])) {
            continue; // an equal score loses: its index is greater
        }
        if ((allowed && !allowed[i]) || !isfinite(score[i])) {
            continue;
        }
        if (n_heap < n_top) {
            index[n_heap] = i;
            rise(score, index, n_heap++);
        } else {
            index[0] = i;
            sink(score, index, n_heap);
        }
    }
    for (int32_t end = n_heap - 1; end > 0; end--) {
        const int32_t worst = index[0];
        index[0] = index[end];
        sink(score, index, end);
        index[end] = worst;
    }
    return n_heap;
}

int32_t rank_select_naive(const float *score, const uint8_t *allowed, int32_t n,
                          int32_t n_top, int32_t *index)
{
    int32_t n_selected = 0;
    while (n_selected < n_top) {
        int32_t best = -1;
        for (int32_t i = 0; i < n; i++) {
            bool is_free = (!allowed || allowed[i]) && isfinite(score[i]);
            for (int32_t s = 0; s < n_selected && is_free; s++) {
                is_free = index[s] != i;
            }
            if (is_free && (best < 0 || is_better(score, i, best))) {
                best = i;
            }
        }
        if (best < 0) {
            break;
        }
        index[n_selected++] = best;
    }
    return n_selected;
}
