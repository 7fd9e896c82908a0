/**
 * The checks. A text is folded once (base_text.h) and cut into sentences; phrases are looked
 * for in what is folded, between blanks in English, anywhere in Chinese.
 *
 * They err on the side of dropping a text: there are seven others, and the planned sentence
 * behind them. Names alone are looked at unfolded, in plot_check_name.c.
 */
#include "plot_check_text.h"

#include "base_alloc.h"
#include "base_error.h"
#include "plot_prompt.h"

#include <string.h>

const char *plot_check_name(enum plot_check check)
{
    static const char *const names[] = {
#define X(id, name) name,
        PLOT_CHECKS(X)
#undef X
    };
    return names[check];
}

/* ---- phrases ---- */

/** Names and phrases begin and end with a blank in English, so this finds whole words. */
static const char *find(const char *folded, const char *phrase)
{
    return *phrase ? strstr(folded, phrase) : NULL;
}

static bool has_any(const char *folded, const struct plot_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        if (find(folded, list->item[i])) {
            return true;
        }
    }
    return false;
}

/** Is what stands at `at` part of a longer name of something else: Sam in Sam's warehouse? */
static bool is_inside_longer(const struct plot_checker *c, const char *folded,
                             const char *at, size_t n, int32_t entity)
{
    for (int32_t i = 0; i < c->n_names; i++) {
        const struct plot_name *longer = &c->name[i];
        const size_t n_longer = strlen(longer->text);
        for (const char *there = folded;
             longer->entity != entity && n_longer > n &&
             (there = find(there, longer->text)) != NULL && there <= at;
             there++) {
            if (there + n_longer >= at + n) {
                return true;
            }
        }
    }
    return false;
}

static bool stands_alone(const struct plot_checker *c, const char *folded,
                         const char *name, int32_t entity)
{
    const char *at = folded;
    for (; (at = find(at, name)) != NULL; at++) {
        if (!is_inside_longer(c, folded, at, strlen(name), entity)) {
            return true;
        }
    }
    return false;
}

bool plot_text_names(const struct plot_checker *c, const char *folded, int32_t entity)
{
    for (int32_t i = 0; i < c->n_names; i++) {
        if (c->name[i].entity == entity &&
            (stands_alone(c, folded, c->name[i].text, entity) ||
             stands_alone(c, folded, c->name[i].owner, entity))) {
            return true;
        }
    }
    return false;
}

static bool is_person(const struct plot_checker *c, int32_t e)
{
    return c->world->entity[e].kind == REEL_ENTITY_PERSON;
}

static bool holds(const struct plot_scene *scene, int32_t subject,
                  enum plot_relation relation, int32_t object)
{
    return plot_graph_holds(scene->before, subject, relation, object) ||
           plot_graph_holds(scene->after, subject, relation, object);
}

/* ---- form ---- */

static bool fails_empty(const struct plot_checker *c, const struct plot_text *t)
{
    return t->words.n < (c->is_zh ? 5 : 3);
}

/** Quotation marks of both kinds close, and the last sentence has an end. */
static bool fails_unfinished(const struct plot_checker *c, const struct plot_text *t)
{
    (void)c;
    uint32_t last = 0, before_last = 0, mark = 0;
    int32_t n_straight = 0, n_open = 0;
    for (const char *at = t->raw; (mark = plot_next_char(&at)) != 0;) {
        n_straight += mark == '"';
        n_open += (mark == 0x201c || mark == 0x300c) - (mark == 0x201d || mark == 0x300d);
        if (mark != '"' && mark != 0x201d && mark != 0x300d && mark != 0x300f &&
            mark != ')' && mark != 0xff09 && mark != '\'' && mark != 0x2019 &&
            mark != ' ') {
            before_last = last;
            last = mark;
        }
    }
    const bool trails_off = last == 0x2026 || (last == '.' && before_last == '.');
    return !plot_is_sentence_end(last) || trails_off || n_straight % 2 || n_open != 0;
}

static bool fails_too_long(const struct plot_checker *c, const struct plot_text *t)
{
    return t->words.n > (c->is_zh ? c->n_words_max * 5 / 3 : c->n_words_max);
}

/* ---- copies ---- */

/** 8 words or 12 characters in a row are no accident. */
static int32_t run_limit(const struct plot_checker *c)
{
    return c->is_zh ? 12 : 8;
}

static bool fails_copies_synopsis(const struct plot_checker *c, const struct plot_text *t)
{
    return plot_words_common_run(&t->words, &c->synopsis) >= run_limit(c);
}

static bool fails_copies_ancestor(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t i = 0; i < t->n_told; i++) {
        if (plot_words_common_run(&t->words, &t->told[i]) >= run_limit(c) ||
            plot_words_alike(&t->words, &t->told[i]) > .8) {
            return true;
        }
    }
    return false;
}

static bool fails_copies_prompt(const struct plot_checker *c, const struct plot_text *t)
{
    return plot_words_common_run(&t->words, &c->scenes) >= run_limit(c) - 2;
}

/** The same few words again, or one word three times in a row. */
static bool fails_repeats_itself(const struct plot_checker *c, const struct plot_text *t)
{
    const int32_t n_row = c->is_zh ? 4 : 3; // Chinese laughs in threes
    int32_t n_same = 1;
    for (int32_t i = 1; i < t->own_words.n; i++) {
        n_same = t->own_words.unit[i] == t->own_words.unit[i - 1] ? n_same + 1 : 1;
        if (n_same >= n_row) {
            return true;
        }
    }
    return plot_words_repeats(&t->own_words, c->is_zh ? 7 : 5);
}

/* ---- voice and language ---- */

static bool fails_as_assistant(const struct plot_checker *c, const struct plot_text *t)
{
    return has_any(t->folded, &c->assistant);
}

static bool fails_from_outside(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t s = 0; s < t->n_sentences; s++) {
        if (!strcmp(t->sentence[s], " the end ")) {
            return true;
        }
    }
    for (int32_t i = 0; i < c->outside.n; i++) {
        // a film about a film may speak of one
        if (find(t->own_folded, c->outside.item[i]) &&
            !find(c->known_folded, c->outside.item[i])) {
            return true;
        }
    }
    return false;
}

struct letters {
    int32_t n_han, n_latin, n_other;
};

static struct letters count_letters(const char *text)
{
    struct letters n = {0};
    for (uint32_t c; (c = plot_next_char(&text)) != 0;) {
        n.n_han += plot_is_han(c);
        n.n_latin += plot_is_latin(c);
        n.n_other += (c >= 0x370 && c < 0x1e00) || (c >= 0x3040 && c <= 0x30ff) ||
                     (c >= 0xac00 && c <= 0xd7af);
    }
    return n;
}

/** Han characters that folding changed: traditional ones. */
static int32_t count_unfolded(const struct plot_text *t)
{
    int32_t n = 0;
    for (const char *at = t->raw; *at;) {
        const char *begin = at;
        char one[8] = "";
        if (plot_is_han(plot_next_char(&at))) {
            memcpy(one, begin, (size_t)(at - begin));
            n += !strstr(t->folded, one);
        }
    }
    return n;
}

static bool fails_wrong_language(const struct plot_checker *c, const struct plot_text *t)
{
    const struct letters n = count_letters(t->raw);
    const int32_t n_all = n.n_han + n.n_latin + n.n_other;
    if (c->is_zh) {
        return 2 * n.n_han < n_all || count_unfolded(t) > 1;
    }
    int32_t n_function = 0;
    for (int32_t i = 0; i < c->function.n; i++) {
        for (const char *at = t->own_folded; (at = find(at, c->function.item[i])) != NULL;
             at++) {
            n_function++;
        }
    }
    return 2 * n.n_latin < n_all ||
           (t->own_words.n >= 8 && n_function * 8 < t->own_words.n);
}

static bool fails_mixed_script(const struct plot_checker *c, const struct plot_text *t)
{
    const struct letters n = count_letters(t->raw);
    if (!c->is_zh) {
        return n.n_han + n.n_other > 0;
    }
    for (const char *at = t->raw; *at && n.n_latin;) {
        const char *begin = at, *end = at;
        while (plot_is_latin(plot_next_char(&at))) {
            end = at;
        }
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)(end - begin), begin);
        if (end > begin && !strstr(c->known, word)) {
            return true; // no name that is written so
        }
        at = end > begin ? end : at;
    }
    return n.n_other > 0;
}

/* ---- the graph ---- */

/** Who died before is only remembered; who dies in the plan only lies there after it. */
static bool fails_dead_acts(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t e = 0; e < c->world->n_entities; e++) {
        const bool was_dead = plot_graph_holds(t->scene->before, e, PLOT_DEAD, -1);
        if (!is_person(c, e) ||
            (!was_dead && !plot_graph_holds(t->scene->after, e, PLOT_DEAD, -1))) {
            continue;
        }
        for (int32_t s = was_dead ? 0 : t->i_own; s < t->n_sentences; s++) {
            if (plot_text_names(c, t->sentence[s], e) &&
                !has_any(t->sentence[s], &c->memory) &&
                (was_dead || !has_any(t->sentence[s], &c->lifeless))) {
                return true;
            }
        }
    }
    return false;
}

/** Does one of `before` stand right before `at`? Both have blanks around words. */
static bool stands_before(const char *folded, const char *at,
                          const struct plot_list *before)
{
    const size_t n_ahead = (size_t)(at - folded);
    for (int32_t i = 0; i < before->n; i++) {
        const char *word = before->item[i];
        const size_t n = strlen(word), shared = *at == ' '; // one blank serves both
        if (n_ahead + shared >= n && !memcmp(at + shared - n, word, n)) {
            return true;
        }
    }
    return false;
}

/** Some person of the sentence (of the event, where none is named) is, or may be, there. */
static bool may_be_at(const struct plot_checker *c, const struct plot_text *t,
                      const char *sentence, int32_t place)
{
    const struct plot_step *step = t->scene->step;
    bool is_any = false;
    for (int32_t e = 0; e < c->world->n_entities; e++) {
        if (!is_person(c, e) || !plot_text_names(c, sentence, e)) {
            continue;
        }
        is_any = true;
        if (holds(t->scene, e, PLOT_AT, place) ||
            plot_graph_object(t->scene->before, e, PLOT_AT) < 0) {
            return true;
        }
    }
    for (int r = PLOT_A; !is_any && step && r <= PLOT_C; r++) {
        if (step->role[r] >= 0 && holds(t->scene, step->role[r], PLOT_AT, place)) {
            return true;
        }
    }
    return (step && step->role[PLOT_PLACE] == place) || (!is_any && !step);
}

static bool fails_wrong_place(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t s = 0; s < t->n_sentences; s++) {
        const char *sentence = t->sentence[s];
        for (int32_t i = 0; i < c->n_names; i++) {
            const int32_t e = c->name[i].entity;
            const char *at = c->world->entity[e].kind == REEL_ENTITY_PLACE
                                 ? find(sentence, c->name[i].text)
                                 : NULL;
            if (at && stands_before(sentence, at, &c->at) &&
                !has_any(sentence, &c->memory) && !may_be_at(c, t, sentence, e)) {
                return true;
            }
        }
    }
    return false;
}

/** Somebody has the object, and it is not this person, neither before nor after. */
static bool belongs_to_another(const struct plot_checker *c, const struct plot_text *t,
                               int32_t person, int32_t object)
{
    if (holds(t->scene, person, PLOT_HAS, object)) {
        return false;
    }
    for (int32_t e = 0; e < c->world->n_entities; e++) {
        if (plot_graph_holds(t->scene->after, e, PLOT_HAS, object)) {
            return true;
        }
    }
    return false;
}

/** Do x, y and z stand one after the other? y may be NULL; blanks between are shared. */
static bool in_a_row(const struct plot_checker *c, const char *folded, const char *x,
                     const char *y, const char *z)
{
    char all[512];
    const size_t skip = c->is_zh ? 0 : 1;
    const size_t n_x = strlen(x), n_y = y ? strlen(y) : 0, n_z = strlen(z);
    if (n_x + n_y + n_z >= sizeof all || n_x < skip || n_z < skip) {
        return false;
    }
    size_t n = n_x;
    memcpy(all, x, n_x);
    if (y) {
        memcpy(all + n - skip, y, n_y);
        n += n_y - skip;
    }
    memcpy(all + n - skip, z, n_z + 1);
    return strstr(folded, all) != NULL;
}

static bool says_owner(const struct plot_checker *c, const struct plot_text *t,
                       const struct plot_name *name, const char *object)
{
    const char *person = name->text;
    if (in_a_row(c, t->folded, name->owner, NULL, object)) {
        return true;
    }
    for (int32_t h = 0; h < c->hold.n; h++) {
        char with_the[160];
        snprintf(with_the, sizeof with_the, "%sthe ", c->hold.item[h]);
        if (in_a_row(c, t->folded, person, c->hold.item[h], object) ||
            (!c->is_zh && in_a_row(c, t->folded, person, with_the, object))) {
            return true;
        }
    }
    return false;
}

static bool fails_wrong_owner(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t o = 0; o < c->n_names; o++) {
        const int32_t object = c->name[o].entity;
        if (c->world->entity[object].kind != REEL_ENTITY_OBJECT ||
            !find(t->folded, c->name[o].text)) {
            continue;
        }
        for (int32_t p = 0; p < c->n_names; p++) {
            const int32_t person = c->name[p].entity;
            if (is_person(c, person) && says_owner(c, t, &c->name[p], c->name[o].text) &&
                belongs_to_another(c, t, person, object)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_kin(const struct plot_text *t, const struct plot_kin *kin, int32_t x,
                   int32_t y)
{
    for (int32_t r = 0; r < kin->n_relations; r++) {
        const enum plot_relation relation = (enum plot_relation)kin->relation[r];
        if (holds(t->scene, x, relation, y) || holds(t->scene, y, relation, x)) {
            return true;
        }
    }
    return false;
}

/** "Rick's brother Victor", "Victor, Rick's brother", "Victor is Rick's brother". */
static bool says_kin(const struct plot_checker *c, const struct plot_text *t,
                     const struct plot_kin *kin, const struct plot_name *of,
                     const char *who)
{
    static const char *const is_en[] = {" is ", " was ", NULL};
    char genitive[256]; // " coras " and " brother " share a blank
    snprintf(genitive, sizeof genitive, "%s%s", of->owner, kin->word + !c->is_zh);
    return in_a_row(c, t->folded, genitive, NULL, who) ||
           in_a_row(c, t->folded, who, c->is_zh ? "是" : is_en[0], genitive) ||
           in_a_row(c, t->folded, who, c->is_zh ? " " : is_en[1], genitive) ||
           (!c->is_zh && in_a_row(c, t->folded, who, NULL, genitive));
}

/** "his wife Ilsa" after Rick was named first in the sentence. */
static bool says_own_kin(const struct plot_checker *c, const char *sentence,
                         const struct plot_kin *kin, const char *of, const char *who)
{
    const char *begin = find(sentence, of);
    const char *own[2] = {c->is_zh ? "他的" : " his ", c->is_zh ? "她的" : " her "};
    for (int i = 0; begin && i < 2; i++) {
        if (in_a_row(c, begin, own[i], kin->word, who)) {
            return true;
        }
    }
    return false;
}

static bool says_any_kin(const struct plot_checker *c, const struct plot_text *t,
                         const struct plot_kin *kin, const struct plot_name *of,
                         const char *who)
{
    bool is_said = says_kin(c, t, kin, of, who);
    for (int32_t s = 0; !is_said && s < t->n_sentences; s++) {
        is_said = says_own_kin(c, t->sentence[s], kin, of->text, who);
    }
    return is_said;
}

/** Wrong when it is said of somebody, and of nobody of whom it is true. */
static bool kin_is_wrong(const struct plot_checker *c, const struct plot_text *t,
                         const struct plot_kin *kin, int32_t i_who)
{
    bool is_said = false;
    for (int32_t of = 0; of < c->n_names; of++) {
        const int32_t x = c->name[of].entity, y = c->name[i_who].entity;
        if (x != y && is_person(c, x) &&
            says_any_kin(c, t, kin, &c->name[of], c->name[i_who].text)) {
            if (is_kin(t, kin, x, y)) {
                return false;
            }
            is_said = true;
        }
    }
    return is_said;
}

static bool fails_wrong_relation(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t k = 0; k < c->n_kin; k++) {
        if (!find(t->folded, c->kin[k].word)) {
            continue;
        }
        for (int32_t who = 0; who < c->n_names; who++) {
            if (is_person(c, c->name[who].entity) && find(t->folded, c->name[who].text) &&
                kin_is_wrong(c, t, &c->kin[k], who)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_of_gender(const struct reel_entity *entity, char gender)
{
    return entity->kind == REEL_ENTITY_PERSON &&
           (entity->gender == gender || entity->gender == 'n');
}

/** Somebody of this gender is in the event, is named, or was named just before. */
static bool may_be_meant(const struct plot_checker *c, const struct plot_text *t,
                         char gender)
{
    const struct plot_step *step = t->scene->step;
    for (int32_t e = 0; e < c->world->n_entities; e++) {
        if (!is_of_gender(&c->world->entity[e], gender)) {
            continue;
        }
        for (int r = PLOT_A; step && r <= PLOT_C; r++) {
            if (step->role[r] == e) {
                return true;
            }
        }
        if (plot_text_names(c, t->folded, e) || plot_text_names(c, t->last_told, e)) {
            return true;
        }
    }
    return false;
}

/** Pronouns of a gender that nobody at hand has, and no word for somebody unnamed. */
static bool fails_wrong_gender(const struct plot_checker *c, const struct plot_text *t)
{
    return (has_any(t->folded, &c->she) && !has_any(t->folded, &c->woman) &&
            !may_be_meant(c, t, 'f')) ||
           (has_any(t->folded, &c->he) && !has_any(t->folded, &c->man) &&
            !may_be_meant(c, t, 'm'));
}

/* ---- events and age ---- */

static bool somebody_dies(const struct plot_checker *c, const struct plot_scene *scene)
{
    for (int32_t e = 0; e < c->world->n_entities; e++) {
        if (is_person(c, e) && plot_graph_holds(scene->after, e, PLOT_DEAD, -1)) {
            return true; // now or before: then it may be spoken of
        }
    }
    return false;
}

/** The event is the planned one, or has been spoken of already. */
static bool is_expected(const struct plot_checker *c, const struct plot_text *t,
                        const struct plot_cue *cue, const char *phrase)
{
    const struct plot_step *step = t->scene->step;
    return (step && c->schema &&
            !strcmp(c->schema->event[step->event].name, cue->event)) ||
           (cue->is_death && somebody_dies(c, t->scene)) ||
           find(t->told_folded, phrase) || find(c->known_folded, phrase);
}

static bool fails_forbidden_event(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t i = 0; i < c->n_cues; i++) {
        const struct plot_cue *cue = &c->cue[i];
        for (int32_t p = 0; cue->is_forbidden && p < cue->phrase.n; p++) {
            if (find(t->folded, cue->phrase.item[p]) &&
                !is_expected(c, t, cue, cue->phrase.item[p])) {
                return true;
            }
        }
    }
    return false;
}

static bool fails_above_age(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t i = 0; i < c->n_ages; i++) {
        if (c->max_age >= 0 && c->age[i].age > c->max_age &&
            has_any(t->folded, &c->age[i].words)) {
            return true;
        }
    }
    return false;
}

/* ---- all of them ---- */

static bool fails_unknown_name(const struct plot_checker *c, const struct plot_text *t)
{
    return plot_text_has_unknown_name(c, t);
}

enum reel_status plot_check_text(struct plot_checker *checker,
                                 const struct plot_scene *scene, const char *text,
                                 uint32_t *failed, struct reel_error *err)
{
    static bool (*const fails[])(const struct plot_checker *,
                                 const struct plot_text *) = {
        [PLOT_CHECK_EMPTY] = fails_empty,
        [PLOT_CHECK_UNFINISHED] = fails_unfinished,
        [PLOT_CHECK_TOO_LONG] = fails_too_long,
        [PLOT_CHECK_COPIES_SYNOPSIS] = fails_copies_synopsis,
        [PLOT_CHECK_COPIES_ANCESTOR] = fails_copies_ancestor,
        [PLOT_CHECK_COPIES_PROMPT] = fails_copies_prompt,
        [PLOT_CHECK_REPEATS_ITSELF] = fails_repeats_itself,
        [PLOT_CHECK_UNKNOWN_NAME] = fails_unknown_name,
        [PLOT_CHECK_AS_ASSISTANT] = fails_as_assistant,
        [PLOT_CHECK_FROM_OUTSIDE] = fails_from_outside,
        [PLOT_CHECK_WRONG_LANGUAGE] = fails_wrong_language,
        [PLOT_CHECK_MIXED_SCRIPT] = fails_mixed_script,
        [PLOT_CHECK_DEAD_ACTS] = fails_dead_acts,
        [PLOT_CHECK_WRONG_PLACE] = fails_wrong_place,
        [PLOT_CHECK_WRONG_OWNER] = fails_wrong_owner,
        [PLOT_CHECK_WRONG_RELATION] = fails_wrong_relation,
        [PLOT_CHECK_WRONG_GENDER] = fails_wrong_gender,
        [PLOT_CHECK_FORBIDDEN_EVENT] = fails_forbidden_event,
        [PLOT_CHECK_ABOVE_AGE] = fails_above_age,
    };
    struct plot_text t;
    *failed = 0;
    enum reel_status rc = plot_text_init(&t, checker, scene, text, err);
    for (unsigned i = 0; rc == REEL_OK && i < PLOT_N_CHECKS; i++) {
        *failed |= fails[i](checker, &t) ? 1u << i : 0;
    }
    plot_text_release(&t);
    return rc;
}
