/**
 * See lm_bpe.h: the vocabulary, and encoding with it. A word that was seen before is not cut
 * again: its tokens are kept, until a million words are.
 */
#include "lm_bpe.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_hash.h"
#include "lm_bpe_core.h"

#include <assert.h>
#include <gguf.h>
#include <string.h>

enum { N_WORDS_KEPT = 1000000, N_WORD_BYTES_KEPT = 256 };

struct lm_bpe {
    int32_t n_tokens, n_merges;
    int32_t room_tokens, room_merges;
    int32_t *merge;   /* (n_merges, 2) */
    int32_t *product; /* (n_merges) token that a merge gives */
    char *bytes;      /* of all tokens, one behind the other */
    size_t *offset;   /* (n_tokens + 1) into bytes */
    size_t room_bytes;
    int32_t byte_token[256];
    struct lm_bpe_pairs rank;      /* of pairs that merge */
    struct base_hash *token_of;    /* bytes to token */
    struct base_hash *known;       /* word to its place in `kept` */
    struct lm_bpe_tokens kept;     /* number of tokens, tokens, ... */
    struct lm_bpe_heap heap;       /* of the word at hand */
    int32_t *id, *previous, *next; /* (room_symbols) of the word at hand */
    size_t room_symbols;
};

/* ---- pairs and heap ---- */

static size_t pair_slot(const struct lm_bpe_pairs *pairs, int32_t left, int32_t right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9fb21c651e98df25u;
    h ^= h >> 32;
    size_t i = (size_t)h & (pairs->n_slots - 1);
    while (pairs->slot[i].value_1 &&
           (pairs->slot[i].left != left || pairs->slot[i].right != right)) {
        i = (i + 1) & (pairs->n_slots - 1);
    }
    return i;
}

int32_t lm_bpe_pairs_get(const struct lm_bpe_pairs *pairs, int32_t left, int32_t right)
{
    return pairs->n ? pairs->slot[pair_slot(pairs, left, right)].value_1 - 1 : -1;
}

bool lm_bpe_pairs_add(struct lm_bpe_pairs *pairs, int32_t left, int32_t right,
                      int32_t value)
{
    if (pairs->n * 4 >= pairs->n_slots * 3) {
        struct lm_bpe_pairs more = {.n_slots = pairs->n_slots ? 2 * pairs->n_slots : 1024,
                                    .n = pairs->n};
        more.slot = base_alloc_zeroed(more.n_slots, sizeof *more.slot);
        if (!more.slot) {
            return false;
        }
        for (size_t i = 0; i < pairs->n_slots; i++) {
            const struct lm_bpe_pair_slot *slot = &pairs->slot[i];
            if (slot->value_1) {
                more.slot[pair_slot(&more, slot->left, slot->right)] = *slot;
            }
        }
        base_free(pairs->slot);
        *pairs = more;
    }
    pairs->slot[pair_slot(pairs, left, right)] =
        (struct lm_bpe_pair_slot){left, right, value + 1};
    pairs->n++;
    return true;
}

void lm_bpe_pairs_release(struct lm_bpe_pairs *pairs)
{
    base_free(pairs->slot);
    *pairs = (struct lm_bpe_pairs){0};
}

static bool is_before(const struct lm_bpe_heap_item *a, const struct lm_bpe_heap_item *b)
{
    return a->first != b->first ? a->first < b->first : a->second < b->second;
}

bool lm_bpe_heap_push(struct lm_bpe_heap *heap, struct lm_bpe_heap_item item)
{
    if (heap->n == heap->room) {
        const size_t room = heap->room ? 2 * heap->room : 64;
        void *more = base_realloc_array(heap->item, room, sizeof *heap->item);
        if (!more) {
            return false;
        }
        heap->item = more;
        heap->room = room;
    }
    size_t i = heap->n++;
    for (; i > 0 && is_before(&item, &heap->item[(i - 1) / 2]); i = (i - 1) / 2) {
        heap->item[i] = heap->item[(i - 1) / 2];
    }
    heap->item[i] = item;
    return true;
}

struct lm_bpe_heap_item lm_bpe_heap_pop(struct lm_bpe_heap *heap)
{
    const struct lm_bpe_heap_item top = heap->item[0], last = heap->item[--heap->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < heap->n; i = child) {
        child +=
            child + 1 < heap->n && is_before(&heap->item[child + 1], &heap->item[child]);
        if (!is_before(&heap->item[child], &last)) {
            break;
        }
        heap->item[i] = heap->item[child];
    }
    heap->item[i] = last;
    return top;
}

void lm_bpe_heap_release(struct lm_bpe_heap *heap)
{
    base_free(heap->item);
    *heap = (struct lm_bpe_heap){0};
}

/* ---- the vocabulary ---- */

static bool grow(void *array, int32_t n, int32_t *room, size_t n_more, size_t item_bytes)
{
    void **at = array;
    if ((size_t)n + n_more <= (size_t)*room) {
        return true;
    }
    const size_t new_room = 2 * ((size_t)n + n_more);
    void *more = base_realloc_array(*at, new_room, item_bytes);
    if (more) {
        *at = more;
        *room = (int32_t)new_room;
    }
    return more != NULL;
}

// The token of these bytes, new or old; -1: no memory. They may lie in bpe->bytes.
static int32_t add_token(struct lm_bpe *bpe, const char *bytes, size_t n_bytes)
{
    bool is_new;
    const int64_t *token =
        base_hash_get_or_add(bpe->token_of, bytes, n_bytes, bpe->n_tokens, &is_new);
    if (!token || !is_new) {
        return token ? (int32_t)*token : -1;
    }
    const size_t end = bpe->offset[bpe->n_tokens];
    assert(end + n_bytes <= bpe->room_bytes && bpe->n_tokens < bpe->room_tokens);
    memmove(bpe->bytes + end, bytes, n_bytes);
    bpe->offset[++bpe->n_tokens] = end + n_bytes;
    return bpe->n_tokens - 1;
}

static bool reserve(struct lm_bpe *bpe, size_t n_bytes)
{
    const size_t end = bpe->offset ? bpe->offset[bpe->n_tokens] : 0;
    if (end + n_bytes > bpe->room_bytes) {
        char *more = base_realloc_array(bpe->bytes, 2 * (end + n_bytes), 1);
        if (!more) {
            return false;
        }
        bpe->bytes = more;
        bpe->room_bytes = 2 * (end + n_bytes);
    }
    return grow(&bpe->offset, bpe->n_tokens, &bpe->room_tokens, 2, sizeof *bpe->offset);
}

static bool is_printable(int byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

struct lm_bpe *lm_bpe_begin(void)
{
    struct lm_bpe *bpe = base_alloc_zeroed(1, sizeof *bpe);
    if (!bpe || base_hash_create(&bpe->token_of, NULL) != REEL_OK ||
        base_hash_create(&bpe->known, NULL) != REEL_OK || !reserve(bpe, 1024)) {
        lm_bpe_free(bpe);
        return NULL;
    }
    bpe->offset[0] = 0;
    bool is_whole = add_token(bpe, "", 0) == LM_BPE_END;
    for (int stands_apart = 0; stands_apart < 2; stands_apart++) {
        for (int byte = 0; byte < 256 && is_whole; byte++) {
            if (is_printable(byte) != stands_apart) {
                const char text[1] = {(char)byte};
                bpe->byte_token[byte] = reserve(bpe, 1024) ? add_token(bpe, text, 1) : -1;
                is_whole = bpe->byte_token[byte] >= 0;
            }
        }
    }
    if (!is_whole) {
        lm_bpe_free(bpe);
        return NULL;
    }
    return bpe;
}

int32_t lm_bpe_byte(const struct lm_bpe *bpe, unsigned char byte)
{
    return bpe->byte_token[byte];
}

int32_t lm_bpe_add(struct lm_bpe *bpe, int32_t left, int32_t right)
{
    size_t n_left, n_right;
    lm_bpe_bytes(bpe, left, &n_left);
    lm_bpe_bytes(bpe, right, &n_right);
    int32_t room_merges = bpe->room_merges, room_products = bpe->room_merges;
    if (!reserve(bpe, 2 * (n_left + n_right)) ||
        !grow(&bpe->product, bpe->n_merges, &room_products, 1, sizeof *bpe->product) ||
        !grow(&bpe->merge, bpe->n_merges, &room_merges, 1, 2 * sizeof *bpe->merge)) {
        return -1;
    }
    bpe->room_merges = room_merges;
    // Put together behind the last token, where they stay if they are new.
    char *bytes = bpe->bytes + bpe->offset[bpe->n_tokens];
    memcpy(bytes, bpe->bytes + bpe->offset[left], n_left);
    memcpy(bytes + n_left, bpe->bytes + bpe->offset[right], n_right);
    const int32_t token = add_token(bpe, bytes, n_left + n_right);
    if (token < 0 || !lm_bpe_pairs_add(&bpe->rank, left, right, bpe->n_merges)) {
        return -1;
    }
    bpe->merge[2 * bpe->n_merges] = left;
    bpe->merge[2 * bpe->n_merges + 1] = right;
    bpe->product[bpe->n_merges++] = token;
    return token;
}

int32_t lm_bpe_product(const struct lm_bpe *bpe, int32_t left, int32_t right)
{
    return bpe->product[lm_bpe_pairs_get(&bpe->rank, left, right)];
}

void lm_bpe_free(struct lm_bpe *bpe)
{
    if (bpe) {
        base_free(bpe->merge);
        base_free(bpe->product);
        base_free(bpe->bytes);
        base_free(bpe->offset);
        base_free(bpe->id);
        base_free(bpe->previous);
        base_free(bpe->next);
        lm_bpe_pairs_release(&bpe->rank);
        lm_bpe_heap_release(&bpe->heap);
        lm_bpe_tokens_release(&bpe->kept);
        base_hash_free(bpe->token_of);
        base_hash_free(bpe->known);
        base_free(bpe);
    }
}

int32_t lm_bpe_n_tokens(const struct lm_bpe *bpe)
{
    return bpe->n_tokens;
}

const char *lm_bpe_bytes(const struct lm_bpe *bpe, int32_t token, size_t *n_bytes)
{
    *n_bytes = bpe->offset[token + 1] - bpe->offset[token];
    return bpe->bytes + bpe->offset[token];
}

/* ---- encoding ---- */

void lm_bpe_tokens_release(struct lm_bpe_tokens *tokens)
{
    base_free(tokens->token);
    *tokens = (struct lm_bpe_tokens){0};
}

static bool tokens_reserve(struct lm_bpe_tokens *tokens, size_t n_more)
{
    if (tokens->n + n_more > tokens->room) {
        const size_t room = 2 * (tokens->n + n_more);
        int32_t *more = base_realloc_array(tokens->token, room, sizeof *more);
        if (!more) {
            return false;
        }
        tokens->token = more;
        tokens->room = room;
    }
    return true;
}

enum reel_status lm_bpe_tokens_add(struct lm_bpe_tokens *tokens, int32_t token,
                                   struct reel_error *err)
{
    if (!tokens_reserve(tokens, 1)) {
        return fail(err, REEL_ENOMEM, "%zu tokens", tokens->n);
    }
    tokens->token[tokens->n++] = token;
    return REEL_OK;
}

static bool symbols_reserve(struct lm_bpe *bpe, size_t n)
{
    int32_t **const array[] = {&bpe->id, &bpe->previous, &bpe->next};
    for (size_t i = 0; n > bpe->room_symbols && i < 3; i++) {
        int32_t *more = base_realloc_array(*array[i], 2 * n, sizeof *more);
        if (!more) {
            return false;
        }
        *array[i] = more;
    }
    bpe->room_symbols = n > bpe->room_symbols ? 2 * n : bpe->room_symbols;
    return true;
}

// Note the pair that begins at a symbol, if it merges.
static bool propose(struct lm_bpe *bpe, int32_t at)
{
    const int32_t next = at < 0 ? -1 : bpe->next[at];
    const int32_t rank =
        next < 0 ? -1 : lm_bpe_pairs_get(&bpe->rank, bpe->id[at], bpe->id[next]);
    return rank < 0 || lm_bpe_heap_push(&bpe->heap, (struct lm_bpe_heap_item){
                                                        .first = rank, .second = at});
}

// Merge what the heap has, the earliest merge first and of equals the leftmost.
static bool merge_symbols(struct lm_bpe *bpe)
{
    while (bpe->heap.n > 0) {
        const struct lm_bpe_heap_item item = lm_bpe_heap_pop(&bpe->heap);
        const int32_t *pair = &bpe->merge[2 * item.first], at = (int32_t)item.second;
        const int32_t next = bpe->next[at];
        if (bpe->id[at] != pair[0] || next < 0 || bpe->id[next] != pair[1]) {
            continue; // one of the two has become part of something else
        }
        bpe->id[at] = bpe->product[item.first];
        bpe->id[next] = -1;
        bpe->next[at] = bpe->next[next];
        if (bpe->next[at] >= 0) {
            bpe->previous[bpe->next[at]] = at;
        }
        if (!propose(bpe, bpe->previous[at]) || !propose(bpe, at)) {
            return false;
        }
    }
    return true;
}

static bool encode_word(struct lm_bpe *bpe, const char *word, size_t n_bytes,
                        struct lm_bpe_tokens *out)
{
    if (!symbols_reserve(bpe, n_bytes) || !tokens_reserve(out, n_bytes)) {
        return false;
    }
    const int32_t n = (int32_t)n_bytes;
    for (int32_t i = 0; i < n; i++) {
        bpe->id[i] = bpe->byte_token[(unsigned char)word[i]];
        bpe->previous[i] = i - 1;
        bpe->next[i] = i + 1 < n ? i + 1 : -1;
    }
    bpe->heap.n = 0;
    for (int32_t i = 0; i < n; i++) {
        if (!propose(bpe, i)) {
            return false;
        }
    }
    if (!merge_symbols(bpe)) {
        return false;
    }
    for (int32_t i = 0; i >= 0; i = bpe->next[i]) {
        out->token[out->n++] = bpe->id[i];
    }
    return true;
}

// Through what is remembered.
static bool encode_known(struct lm_bpe *bpe, const char *word, size_t n_bytes,
                         struct lm_bpe_tokens *out)
{
    int64_t place;
    struct lm_bpe_tokens *kept = &bpe->kept;
    if (base_hash_get(bpe->known, word, n_bytes, &place)) {
        const size_t n = (size_t)kept->token[place];
        if (!tokens_reserve(out, n)) {
            return false;
        }
        memcpy(out->token + out->n, kept->token + place + 1, n * sizeof *out->token);
        out->n += n;
        return true;
    }
    const size_t first = out->n;
    if (!encode_word(bpe, word, n_bytes, out)) {
        return false;
    }
    const size_t n = out->n - first;
    if (n_bytes <= N_WORD_BYTES_KEPT && base_hash_n(bpe->known) < N_WORDS_KEPT &&
        tokens_reserve(kept, n + 1)) {
        bool is_new;
        if (base_hash_get_or_add(bpe->known, word, n_bytes, (int64_t)kept->n, &is_new)) {
            kept->token[kept->n++] = (int32_t)n;
            memcpy(kept->token + kept->n, out->token + first, n * sizeof *kept->token);
            kept->n += n;
        }
    }
    return true;
}

enum reel_status lm_bpe_encode(struct lm_bpe *bpe, const char *text, size_t n_bytes,
                               struct lm_bpe_tokens *out, struct reel_error *err)
{
    for (size_t at = 0; at < n_bytes;) {
        const size_t n = lm_bpe_cut(text + at, n_bytes - at);
        if (!encode_known(bpe, text + at, n, out)) {
            return fail(err, REEL_ENOMEM, "tokens of %zu bytes", n_bytes);
        }
        at += n;
    }
    return REEL_OK;
}

/* ---- keeping ---- */

const int32_t *lm_bpe_merges(const struct lm_bpe *bpe, int32_t *n_merges)
{
    *n_merges = bpe->n_merges;
    return bpe->merge;
}

enum reel_status lm_bpe_from_merges(const int32_t *merge, int32_t n_merges,
                                    struct lm_bpe **out, struct reel_error *err)
{
    *out = NULL;
    struct lm_bpe *bpe = lm_bpe_begin();
    if (!bpe) {
        return fail(err, REEL_ENOMEM, "a vocabulary of %d merges", n_merges);
    }
    for (int32_t i = 0; i < n_merges; i++) {
        const int32_t left = merge[2 * i], right = merge[2 * i + 1];
        size_t n_left = 0, n_right = 0;
        const bool is_there =
            left > 0 && left < bpe->n_tokens && right > 0 && right < bpe->n_tokens;
        if (is_there) {
            lm_bpe_bytes(bpe, left, &n_left);
            lm_bpe_bytes(bpe, right, &n_right);
        }
        if (!is_there || n_left + n_right > LM_BPE_WORD_BYTES_MAX ||
            lm_bpe_pairs_get(&bpe->rank, left, right) >= 0) {
            const int32_t n_tokens = bpe->n_tokens;
            lm_bpe_free(bpe);
            return fail(err, REEL_EFORMAT, "merge %d of tokens %d and %d of %d", i, left,
                        right, n_tokens);
        }
        if (lm_bpe_add(bpe, left, right) < 0) {
            lm_bpe_free(bpe);
            return fail(err, REEL_ENOMEM, "a vocabulary of %d merges", n_merges);
        }
    }
    *out = bpe;
    return REEL_OK;
}

// GPT-2's printable stand-ins for bytes, in UTF-8; room for 2 bytes a byte and NUL.
static char *print_bytes(const struct lm_bpe *bpe, int32_t token, char *out)
{
    size_t n;
    const char *bytes = lm_bpe_bytes(bpe, token, &n);
    for (size_t i = 0; i < n; i++) {
        const int byte = (unsigned char)bytes[i];
        // The others are numbered from 256 on, in the order of their tokens.
        const int code =
            is_printable(byte) ? byte : 256 + bpe->byte_token[byte] - bpe->byte_token[0];
        if (code < 0x80) {
            *out++ = (char)code;
        } else {
            *out++ = (char)(0xc0 | code >> 6);
            *out++ = (char)(0x80 | (code & 0x3f));
        }
    }
    *out = 0;
    return out + 1;
}

static bool set_strings(const struct lm_bpe *bpe, struct gguf_context *gguf,
                        const char **string, char *text)
{
    static const char end[] = "<|endoftext|>";
    const size_t n_tokens = (size_t)bpe->n_tokens, n_merges = (size_t)bpe->n_merges;
    int32_t *type = base_alloc_array(n_tokens, sizeof *type);
    if (!type) {
        return false;
    }
    char *at = text;
    for (int32_t i = 0; i < bpe->n_tokens; i++) {
        enum { TYPE_NORMAL = 1, TYPE_CONTROL = 3 };
        type[i] = i == LM_BPE_END ? TYPE_CONTROL : TYPE_NORMAL;
        string[i] = i == LM_BPE_END ? end : at;
        at = i == LM_BPE_END ? at : print_bytes(bpe, i, at);
    }
    gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", string, n_tokens);
    gguf_set_arr_data(gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, type, n_tokens);
    base_free(type);
    at = text;
    for (int32_t i = 0; i < bpe->n_merges; i++) {
        string[i] = at;
        at = print_bytes(bpe, bpe->merge[2 * i], at);
        at[-1] = ' ';
        at = print_bytes(bpe, bpe->merge[2 * i + 1], at);
    }
    gguf_set_arr_str(gguf, "tokenizer.ggml.merges", string, n_merges);
    return true;
}

enum reel_status lm_bpe_to_gguf(const struct lm_bpe *bpe, struct gguf_context *gguf,
                                struct reel_error *err)
{
    size_t n_bytes = 0, n, m;
    for (int32_t i = 0; i < bpe->n_tokens; i++) {
        lm_bpe_bytes(bpe, i, &n);
        n_bytes += 2 * n + 1;
    }
    for (int32_t i = 0; i < bpe->n_merges; i++) {
        lm_bpe_bytes(bpe, bpe->merge[2 * i], &n);
        lm_bpe_bytes(bpe, bpe->merge[2 * i + 1], &m);
        n_bytes += 2 * (n + m) + 2;
    }
    const size_t n_strings = (size_t)bpe->n_tokens + (size_t)bpe->n_merges;
    char *text = base_alloc(n_bytes);
    const char **string = base_alloc_array(n_strings, sizeof *string);
    const bool is_done = text && string && set_strings(bpe, gguf, string, text);
    base_free(text);
    base_free(string);
    if (!is_done) {
        return fail(err, REEL_ENOMEM, "a vocabulary of %d tokens", bpe->n_tokens);
    }
    gguf_set_val_str(gguf, "tokenizer.ggml.model", "gpt2");
    gguf_set_val_str(gguf, "tokenizer.ggml.pre", "qwen2");
    gguf_set_val_u32(gguf, "tokenizer.ggml.bos_token_id", LM_BPE_END);
    gguf_set_val_u32(gguf, "tokenizer.ggml.eos_token_id", LM_BPE_END);
    gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", true);
    return REEL_OK;
}
