/**
 * Chinese words by the cheapest path through a dictionary; see feat_han.h.
 *
 * ICU gives every word of its dictionary a cost (minus the logarithm of its frequency) and cuts
 * a run of Han characters so that the sum is least (CjkBreakEngine::divideUpDictionaryRange):
 *
 *     best[0] = 0,  best[j] = min over words w from i to j of best[i] + cost(w)
 *
 * where a character that is no word costs COST_UNKNOWN, and a word has up to WORD_UNITS_MAX
 * units. The dictionary is ICU's own data, read in place: a UCharsTrie, whose serialised form
 * has not changed since ICU 4.8 (ucharstrie.h). Since that form is no promise, the first thing
 * we do with it is to cut a sample and compare with ICU; where that differs, ICU cuts.
 *
 * Where we depart: where the first unit of a word leads is remembered, and where pairs lead that
 * came lately; most pairs begin no word, and the trie takes ten steps to say so.
 */
#include "feat_han.h"
#include "feat_utf8.h"

#include "base_alloc.h"
#include "base_error.h"

#include <assert.h>
#include <string.h>

enum { COST_UNKNOWN = 255, WORD_UNITS_MAX = 20, N_PAIRS = 1 << 14 };
static const uint32_t NEVER = UINT32_MAX;

/** Where a walk through the trie stands: at a node, or inside a run of units to be matched. */
struct place {
    uint32_t at; /* unit in the trie; 0: nowhere */
    int32_t
        n_linear; /* units of the run that are still to match, less 1; -1: at a node */
};

struct pair_place {
    uint32_t pair; /* both units; 0: free */
    struct place place;
};

struct feat_han {
    struct feat_icu *icu;
    const uint16_t *trie;      /* NULL: ask ICU */
    struct place *first;       /* (FEAT_PLANE) after the first unit */
    uint8_t *is_asked;         /* (FEAT_PLANE) is first[] known? */
    struct pair_place *second; /* (N_PAIRS) after two units, for one pair of each hash */
    uint16_t *unit;            /* (room) one for a character; 0: beyond the basic plane */
    uint32_t *best;            /* (room + 1) */
    int32_t *from;  /* (room + 1) where the last word of the best path begins */
    int32_t *begin; /* (room + 1) bytes before a character */
    int32_t *cut;   /* (room + 1) */
    int32_t room;
};

// ---------------------------------------------------------------- the trie

enum {
    LINEAR_MIN = 0x30, /* nodes below branch */
    VALUE_MIN = 0x40,  /* nodes from here on carry a value */
    NODE_MASK = VALUE_MIN - 1,
    VALUE_IS_FINAL = 0x8000,
    BRANCH_LINEAR_MAX = 5, /* so many units and less are compared one by one */
    NODE_TWO = 0x4040,
    NODE_THREE = 0x7fc0, /* forms of a value inside a node */
    FINAL_TWO = 0x4000,
    FINAL_THREE = 0x7fff, /* forms of a final value or a jump */
    DELTA_TWO = 0xfc00,
    DELTA_THREE = 0xffff, /* forms of a jump in the binary search */
};

static uint32_t two_units(const uint16_t *p)
{
    return (uint32_t)p[0] << 16 | p[1];
}

/** How many units more than one a value, a jump takes. */
static uint32_t node_more(uint32_t lead)
{
    return lead < NODE_TWO ? 0 : lead < NODE_THREE ? 1 : 2;
}

static uint32_t final_more(uint32_t lead)
{
    return lead < FINAL_TWO ? 0 : lead < FINAL_THREE ? 1 : 2;
}

static uint32_t delta_more(uint32_t lead)
{
    return lead < DELTA_TWO ? 0 : lead < DELTA_THREE ? 1 : 2;
}

static uint32_t final_value(const uint16_t *p, uint32_t lead)
{
    return lead < FINAL_TWO     ? lead
           : lead < FINAL_THREE ? (lead - FINAL_TWO) << 16 | p[0]
                                : two_units(p);
}

/** The value at a node, if there is one. */
static bool value_at(const uint16_t *trie, uint32_t at, uint32_t *value)
{
    const uint32_t lead = trie[at];
    const uint16_t *p = trie + at + 1;
    if (lead < VALUE_MIN) {
        return false;
    }
    *value = lead & VALUE_IS_FINAL ? final_value(p, lead & ~(uint32_t)VALUE_IS_FINAL)
             : lead < NODE_TWO     ? (lead >> 6) - 1
             : lead < NODE_THREE   ? ((lead & NODE_THREE) - NODE_TWO) << 10 | p[0]
                                   : two_units(p);
    return true;
}

static uint32_t jump(const uint16_t *trie, uint32_t at)
{
    const uint32_t lead = trie[at], behind = at + 1 + delta_more(lead);
    return behind + (lead < DELTA_TWO     ? lead
                     : lead < DELTA_THREE ? (lead - DELTA_TWO) << 16 | trie[at + 1]
                                          : two_units(trie + at + 1));
}

static struct place branch(const uint16_t *trie, uint32_t at, uint32_t node,
                           uint16_t unit)
{
    const struct place nowhere = {0};
    uint32_t n = node ? node : trie[at++];
    n++;
    while (n > BRANCH_LINEAR_MAX) {
        if (unit < trie[at++]) {
            n >>= 1;
            at = jump(trie, at);
        } else {
            n -= n >> 1;
            at += 1 + delta_more(trie[at]);
        }
    }
    for (; n > 1; n--) {
        const bool is_it = unit == trie[at++];
        const uint32_t lead = trie[at], value = lead & ~(uint32_t)VALUE_IS_FINAL;
        const uint32_t behind = at + 1 + final_more(value);
        if (is_it) {
            // A final value stays where it is, for value_at; another is a jump.
            return (struct place){
                lead & VALUE_IS_FINAL ? at : behind + final_value(trie + at + 1, value),
                -1};
        }
        at = behind;
    }
    return unit == trie[at] ? (struct place){at + 1, -1} : nowhere;
}

static struct place step(const uint16_t *trie, struct place place, uint16_t unit)
{
    const struct place nowhere = {0};
    uint32_t at = place.at;
    if (place.n_linear >= 0) {
        return trie[at] == unit ? (struct place){at + 1, place.n_linear - 1} : nowhere;
    }
    uint32_t node = trie[at++];
    if (node & VALUE_IS_FINAL) {
        return nowhere;
    }
    if (node >= VALUE_MIN) {
        at += node_more(node);
        node &= NODE_MASK;
    }
    if (node < LINEAR_MIN) {
        return branch(trie, at, node, unit);
    }
    return trie[at] == unit ? (struct place){at + 1, (int32_t)(node - LINEAR_MIN) - 1}
                            : nowhere;
}

static struct place first_step(struct feat_han *han, uint16_t unit)
{
    if (!han->is_asked[unit]) {
        han->is_asked[unit] = 1;
        han->first[unit] = step(han->trie, (struct place){0, -1}, unit);
    }
    return han->first[unit];
}

static struct place second_step(struct feat_han *han, struct place first, uint16_t unit,
                                uint16_t next)
{
    const uint32_t pair = (uint32_t)unit << 16 | next;
    struct pair_place *p = &han->second[(pair * 0x9e3779b1u) >> 18];
    static_assert(N_PAIRS == 1 << (32 - 18), "the hash has as many bits");
    if (p->pair != pair) {
        *p = (struct pair_place){pair, step(han->trie, first, next)};
    }
    return p->place;
}

// ---------------------------------------------------------------- the path

static bool make_room(struct feat_han *han, size_t n)
{
    if (n <= (size_t)han->room) {
        return true;
    }
    if (n > INT32_MAX / 8) {
        return false;
    }
    uint16_t *unit = base_realloc_array(han->unit, n + 1, sizeof *unit);
    han->unit = unit ? unit : han->unit;
    uint32_t *best = base_realloc_array(han->best, n + 1, sizeof *best);
    han->best = best ? best : han->best;
    int32_t **const array[] = {&han->from, &han->begin, &han->cut};
    bool is_there = unit && best;
    for (size_t i = 0; i < sizeof array / sizeof *array; i++) {
        int32_t *more = base_realloc_array(*array[i], n + 1, sizeof *more);
        *array[i] = more ? more : *array[i];
        is_there &= more != NULL;
    }
    if (!is_there) {
        return false;
    }
    han->room = (int32_t)n;
    return true;
}

static int32_t decode(struct feat_han *han, const char *in, size_t n)
{
    int32_t n_characters = 0;
    for (size_t i = 0; i < n;) {
        han->begin[n_characters] = (int32_t)i;
        const uint32_t c = feat_utf8_next(in, &i);
        han->unit[n_characters++] = c < FEAT_PLANE ? (uint16_t)c : 0;
    }
    han->begin[n_characters] = (int32_t)n;
    return n_characters;
}

static void relax(struct feat_han *han, int32_t from, int32_t to, uint32_t cost)
{
    const uint32_t total = han->best[from] + cost;
    if (total < han->best[to]) {
        han->best[to] = total;
        han->from[to] = from;
    }
}

/** All words that begin at `from`. */
static void follow_words(struct feat_han *han, int32_t from, int32_t n)
{
    const int32_t last = n - from < WORD_UNITS_MAX ? n : from + WORD_UNITS_MAX;
    struct place place = first_step(han, han->unit[from]);
    uint32_t cost;
    bool is_single_known = false;
    for (int32_t to = from + 1; place.at; to++) {
        if (place.n_linear < 0 && value_at(han->trie, place.at, &cost)) {
            is_single_known |= to == from + 1;
            relax(han, from, to, cost);
        }
        if (to == last) {
            break;
        }
        place = to == from + 1 ? second_step(han, place, han->unit[from], han->unit[to])
                               : step(han->trie, place, han->unit[to]);
    }
    if (!is_single_known) {
        relax(han, from, from + 1, COST_UNKNOWN);
    }
}

static void find_path(struct feat_han *han, int32_t n)
{
    han->best[0] = 0;
    for (int32_t i = 1; i <= n; i++) {
        han->best[i] = NEVER;
    }
    for (int32_t i = 0; i < n; i++) {
        follow_words(han, i, n); // every place is reached: each character may stand alone
    }
}

bool feat_han_cut(struct feat_han *han, const char *in, size_t n, const int32_t **cut,
                  int32_t *n_cuts)
{
    if (!han->trie) {
        return feat_icu_cut(han->icu, in, n, cut, n_cuts);
    }
    if (!make_room(han, n)) {
        return false;
    }
    const int32_t n_characters = decode(han, in, n);
    find_path(han, n_characters);
    int32_t at = han->room;
    han->cut[at] = han->begin[n_characters];
    for (int32_t i = n_characters; i > 0;) {
        i = han->from[i];
        han->cut[--at] = han->begin[i];
    }
    *cut = han->cut + at;
    *n_cuts = han->room - at + 1;
    return true;
}

bool feat_han_is_fast(const struct feat_han *han)
{
    return han->trie != NULL;
}

/** Words of one, two and more characters, and characters that are no words. */
static enum reel_status check_against_icu(struct feat_han *han, struct reel_error *err)
{
    static const char sample[] =
        "一位年轻的武侠高手在江湖上寻找失踪多年的师父却发现自己才是真正的凶手中华人民共和"
        "国"
        "首都的电影院里放映着国产科幻片观众们不禁潸然泪下饕餮魑魅魍魉龘";
    const size_t n = sizeof sample - 1;
    const int32_t *theirs, *ours;
    int32_t n_theirs, n_ours;
    if (!feat_han_cut(han, sample, n, &ours, &n_ours) ||
        !feat_icu_cut(han->icu, sample, n, &theirs, &n_theirs)) {
        return fail(err, REEL_ENOMEM, "Chinese dictionary");
    }
    if (n_ours != n_theirs || memcmp(ours, theirs, (size_t)n_ours * sizeof *ours) != 0) {
        han->trie = NULL;
    }
    return REEL_OK;
}

enum reel_status feat_han_create(struct feat_icu *icu, struct feat_han **out,
                                 struct reel_error *err)
{
    *out = NULL;
    struct feat_han *han = base_alloc_zeroed(1, sizeof *han);
    if (han) {
        han->icu = icu;
        han->trie = icu->dictionary;
        han->first = base_alloc_zeroed(FEAT_PLANE, sizeof *han->first);
        han->is_asked = base_alloc_zeroed(FEAT_PLANE, 1);
        han->second = base_alloc_zeroed(N_PAIRS, sizeof *han->second);
    }
    enum reel_status rc = han && han->first && han->is_asked && han->second
                              ? REEL_OK
                              : fail(err, REEL_ENOMEM, "Chinese dictionary");
    if (rc == REEL_OK && han->trie) {
        rc = check_against_icu(han, err);
    }
    if (rc != REEL_OK) {
        feat_han_free(han);
        return rc;
    }
    *out = han;
    return REEL_OK;
}

void feat_han_free(struct feat_han *han)
{
    if (han) {
        base_free(han->first);
        base_free(han->is_asked);
        base_free(han->second);
        base_free(han->unit);
        base_free(han->best);
        base_free(han->from);
        base_free(han->begin);
        base_free(han->cut);
        base_free(han);
    }
}
