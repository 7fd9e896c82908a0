/** `forkreel profile VIEWER`: what the system believes about a viewer, and the last word. */
#include "cli_commands.h"
#include "cli_feedback.h"
#include "cli_list.h"
#include "cli_story.h"
#include "cli_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { KEY_SET = 0x100, KEY_UNSET, KEY_FORGET, KEY_REMEMBER, KEY_RESET };
enum { N_ROWS = 8, BAR_HALF = 6 };

/** One change, in the order of the command line. */
struct change {
    int key;
    const char *word;
};

struct profile_words {
    struct change *change;
    int32_t n_changes;
    int32_t n_rows;
};

static const struct argp_option options[] = {
    {"set", KEY_SET, "KIND.NAME=X", 0,
     "more of this, or less: X from -3 to 3; KIND is genre, person, event, keyword, "
     "language or decade",
     0},
    {"unset", KEY_UNSET, "KIND.NAME", 0, "take that back", 0},
    {"forget", KEY_FORGET, "FILM", 0, "what was said of this film tells nothing", 0},
    {"remember", KEY_REMEMBER, "FILM", 0, "it tells something again", 0},
    {"reset", KEY_RESET, NULL, 0, "take back all of these", 0},
    {"number", 'n', "N", 0, "rows of each kind; default 8", 0},
    {0}};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct profile_words *words = state->input;
    switch (key) {
    case KEY_SET:
    case KEY_UNSET:
    case KEY_FORGET:
    case KEY_REMEMBER:
    case KEY_RESET:
        words->change = cli_need(realloc(words->change, ((size_t)words->n_changes + 1) *
                                                            sizeof *words->change));
        words->change[words->n_changes++] = (struct change){key, arg};
        return 0;
    case 'n':
        words->n_rows = cli_arg_int(state, "-n", arg, 1, 100000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- changes ---- */

static bool event_exists(const char *name)
{
    int32_t n;
    const struct reel_event_type *type = reel_event_types(&n);
    for (int32_t t = 0; t < n; t++) {
        if (!strcasecmp(type[t].name, name)) {
            return true;
        }
    }
    return false;
}

/** An edit that nothing would answer to is a slip of the pen. */
static enum reel_status set_edit(struct session *s, int64_t viewer, const char *word,
                                 struct reel_error *err)
{
    struct reel_edit edit;
    enum reel_status rc = reel_edit_parse(word, &edit, err);
    if (rc) {
        return rc;
    }
    if (!(fabs(edit.amount) > 0)) {
        return cli_error(err, REEL_EINVAL,
                         tr("--set %s: a number from -3 to 3, and not 0, is needed"),
                         word);
    }
    if (edit.kind == REEL_EDIT_EVENT ? !event_exists(edit.name)
                                     : !reel_edit_fits(&edit, s->films)) {
        return cli_error(err, REEL_ENOTFOUND, tr("nothing answers to %s '%s'"),
                         reel_edit_kind_name(edit.kind), edit.name);
    }
    return reel_store_edit_set(s->store, viewer, &edit, err);
}

static enum reel_status make_change(struct session *s, int64_t viewer,
                                    const struct change *change, struct reel_error *err)
{
    struct reel_edit edit;
    int64_t film;
    enum reel_status rc = REEL_OK;
    switch (change->key) {
    case KEY_SET:
        return set_edit(s, viewer, change->word, err);
    case KEY_UNSET:
        rc = reel_edit_parse(change->word, &edit, err);
        return rc ? rc
                  : reel_store_edit_remove(s->store, viewer, edit.kind, edit.name, err);
    case KEY_RESET:
        return reel_store_profile_reset(s->store, viewer, err);
    default:
        rc = reel_store_film_find(s->store, change->word, &film, err);
        return rc ? rc
                  : reel_store_film_forget(s->store, viewer, film,
                                           change->key == KEY_FORGET, err);
    }
}

/* ---- stories and situations ---- */

/** An event of stories: chosen so often, when so much was to be expected. */
struct wish {
    const struct reel_event_type *type;
    int32_t n_shown, n_chosen;
    double n_expected, lift, said;
};

struct wishes {
    struct wish *wish; /* (n) */
    int32_t n, n_choices;
};

static struct wish *wish_find(const struct wishes *wishes, const char *event)
{
    for (int32_t w = 0; w < wishes->n; w++) {
        if (!strcmp(wishes->wish[w].type->name, event)) {
            return &wishes->wish[w];
        }
    }
    return NULL;
}

static enum reel_status add_choice(const struct reel_choice *choice, void *payload,
                                   struct reel_error *err)
{
    struct wishes *wishes = payload;
    (void)err;
    wishes->n_choices++;
    for (int32_t i = 0; i < choice->n_shown; i++) {
        struct wish *wish = wish_find(wishes, choice->shown[i]);
        if (wish) {
            wish->n_shown++;
            wish->n_expected += 1.0 / choice->n_shown;
        }
    }
    struct wish *taken = wish_find(wishes, choice->to);
    if (taken) {
        taken->n_chosen++;
    }
    return REEL_OK;
}

static int by_lift(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;
    return x->lift != y->lift ? (x->lift < y->lift) - (x->lift > y->lift)
                              : strcmp(x->type->name, y->type->name);
}

/** Damped as if two choices had fallen as expected; events never shown are left out. */
static enum reel_status wishes_make(struct session *s, const char *viewer,
                                    const struct reel_edits *edits, struct wishes *wishes,
                                    struct reel_error *err)
{
    int32_t n_types, n = 0;
    const struct reel_event_type *type = reel_event_types(&n_types);
    *wishes = (struct wishes){.n = n_types};
    wishes->wish = cli_need(calloc((size_t)n_types + 1, sizeof *wishes->wish));
    for (int32_t t = 0; t < n_types; t++) {
        wishes->wish[t].type = &type[t];
    }
    const enum reel_status rc =
        reel_store_choices_each(s->store, viewer, add_choice, wishes, err);
    for (int32_t e = 0; e < edits->n_edits; e++) {
        struct wish *wish = edits->edit[e].kind == REEL_EDIT_EVENT
                                ? wish_find(wishes, edits->edit[e].name)
                                : NULL;
        if (wish) {
            wish->said = edits->edit[e].amount;
        }
    }
    for (int32_t w = 0; w < wishes->n; w++) {
        struct wish wish = wishes->wish[w];
        wish.lift = log((wish.n_chosen + 2) / (wish.n_expected + 2));
        if (wish.n_shown > 0 || fabs(wish.said) > 0) {
            wishes->wish[n++] = wish;
        }
    }
    wishes->n = n;
    if (n > 0) {
        qsort(wishes->wish, (size_t)n, sizeof *wishes->wish, by_lift);
    }
    return rc;
}

/** In which tones of stories choices were made. */
static const char *const tone_name[] = {"dark", "light", "tense", "tender", "wry"};
enum { N_TONES = sizeof tone_name / sizeof *tone_name };

struct tones {
    int32_t n[N_TONES], n_choices;
};

static enum reel_status add_tone(const struct reel_shown *shown, void *payload,
                                 struct reel_error *err)
{
    struct tones *tones = payload;
    struct sibling_line line;
    (void)err;
    for (int32_t i = 0; i < shown->n_items; i++) {
        if (shown->item[i].item != shown->taken ||
            !sibling_line_read(shown->item[i].about, &line)) {
            continue;
        }
        for (int t = 0; t < N_TONES; t++) {
            const bool is_this = !strcmp(line.tone, tone_name[t]);
            tones->n[t] += is_this;
            tones->n_choices += is_this;
        }
    }
    return REEL_OK;
}

/** When somebody watches: entries of the history by hour, day and season. */
enum { N_HABIT_KINDS = REEL_CONTEXT_SEASON + 1, N_HABIT_VALUES = 8 };
struct habits {
    int32_t n[N_HABIT_KINDS][N_HABIT_VALUES];
    int32_t n_times;
};

static void habits_count(const struct session *s, int32_t row, struct habits *habits)
{
    *habits = (struct habits){0};
    const int64_t *start = s->history.seen.start;
    for (int64_t e = start[row]; e < start[row + 1]; e++) {
        if (s->history.at_s[e] == REEL_TIME_UNKNOWN || !session_is_seen(s, e)) {
            continue;
        }
        const struct reel_context context = reel_context_at(s->history.at_s[e]);
        habits->n_times++;
        for (int k = 0; k < N_HABIT_KINDS; k++) {
            if (context.value[k] >= 0 && context.value[k] < N_HABIT_VALUES) {
                habits->n[k][context.value[k]]++;
            }
        }
    }
}

/* ---- everything ---- */

struct sheet {
    struct session *s;
    const char *name;
    int32_t row, n_rows;
    struct reel_edits edits;
    struct reel_profile profile;
    struct wishes wishes;
    struct habits habits;
    struct tones tones;
    struct written_word *word; /* (n_words) of what they wrote */
    int32_t n_words;
};

/** Words can be told once texts of films are known, from training on. */
static enum reel_status words_make(struct sheet *sheet, struct reel_error *err)
{
    struct reel_features *features = NULL;
    struct written written;
    struct reel_error none;
    if (sheet->row < 0 || features_open(sheet->s->cli, &features, &none) != REEL_OK) {
        return REEL_OK;
    }
    enum reel_status rc = written_of(sheet->s, features, sheet->row, &written, err);
    if (rc == REEL_OK) {
        rc = written_tell(&written, features, sheet->n_rows, &sheet->word,
                          &sheet->n_words, err);
        written_release(&written);
    }
    reel_features_free(features);
    return rc;
}

static enum reel_status sheet_make(struct sheet *sheet, int64_t viewer,
                                   struct reel_error *err)
{
    struct session *s = sheet->s;
    const struct reel_history *history = &s->history;
    sheet->row = session_index_of(history->viewer_key, history->n_viewers, viewer);
    enum reel_status rc = reel_store_edits_load(s->store, viewer, &sheet->edits, err);
    rc = rc ? rc
            : reel_profile_make(&history->seen, history->at_s, &s->chosen.chosen,
                                sheet->row, s->films, &sheet->edits, s->cli->lang,
                                &sheet->profile, err);
    rc = rc ? rc : wishes_make(s, sheet->name, &sheet->edits, &sheet->wishes, err);
    rc = rc ? rc
            : reel_store_shown_each(s->store, sheet->name, REEL_SHOWN_BRANCHES, add_tone,
                                    &sheet->tones, err);
    if (rc == REEL_OK) {
        habits_count(s, sheet->row, &sheet->habits);
        rc = words_make(sheet, err);
    }
    return rc;
}

static void sheet_release(struct sheet *sheet)
{
    free(sheet->wishes.wish);
    written_words_free(sheet->word, sheet->n_words);
    reel_profile_release(&sheet->profile);
    reel_edits_release(&sheet->edits);
}

/* ---- as text ---- */

/** "   ▇▇▇|      " and "      |▇▇    ": less and more than others; one step each .2. */
static char *bar_text(double lift)
{
    const int n = (int)fmin(BAR_HALF, round(fabs(lift) / 0.2));
    char *text = cli_format("%s", "");
    for (int i = -BAR_HALF; i <= BAR_HALF; i++) {
        const bool is_full = lift < 0 ? i < 0 && i >= -n : i > 0 && i <= n;
        char *longer = cli_format("%s%s", text, i == 0 ? "│" : is_full ? "█" : "·");
        free(text);
        text = longer;
    }
    return text;
}

static void put_said(struct cli_table *table, double said)
{
    if (fabs(said) > 0) {
        cli_table_cell(table, "%+g", said);
    } else {
        cli_table_text(table, NULL);
    }
}

static const char *kind_heading(enum reel_edit_kind kind)
{
    switch (kind) {
    case REEL_EDIT_GENRE:
        return tr("GENRE");
    case REEL_EDIT_PERSON:
        return tr("PERSON");
    case REEL_EDIT_KEYWORD:
        return tr("KEYWORD");
    case REEL_EDIT_LANGUAGE:
        return tr("LANGUAGE");
    case REEL_EDIT_DECADE:
        return tr("DECADE");
    default:
        return tr("EVENT");
    }
}

/** The strongest beliefs of one kind both ways, and all that the viewer spoke of. */
static void print_beliefs(const struct sheet *sheet, enum reel_edit_kind kind)
{
    const struct cli_column columns[] = {{kind_heading(kind), CLI_SHRINK},
                                         {"SEEN", CLI_RIGHT},
                                         {"LIKED", CLI_RIGHT},
                                         {"STARS", CLI_RIGHT},
                                         {"LESS OR MORE", CLI_LEFT},
                                         {"YOUR WORD", CLI_RIGHT}};
    const struct reel_profile *p = &sheet->profile;
    int32_t first = 0, n = 0;
    while (first < p->n_beliefs && p->belief[first].kind != kind) {
        first++;
    }
    while (first + n < p->n_beliefs && p->belief[first + n].kind == kind) {
        n++;
    }
    if (n == 0) {
        return;
    }
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    const int32_t n_most = (sheet->n_rows + 1) / 2, n_least = sheet->n_rows - n_most;
    for (int32_t i = 0; i < n; i++) {
        const struct reel_belief *belief = &p->belief[first + i];
        const bool is_shown = i < n_most || i >= n - n_least || fabs(belief->said) > 0;
        if (!is_shown) {
            continue;
        }
        char *bar = bar_text(belief->lift);
        cli_table_line(&table);
        cli_table_text(&table, belief->name);
        cli_table_cell(&table, "%d", belief->n_seen);
        cli_table_cell(&table, "%d", belief->n_liked);
        cli_table_real(&table, belief->stars);
        cli_table_text(&table, bar);
        put_said(&table, belief->said);
        free(bar);
    }
    putchar('\n');
    cli_table_show(&table);
    cli_table_release(&table);
}

static void print_wishes(const struct sheet *sheet)
{
    static const struct cli_column columns[] = {{"EVENT", CLI_SHRINK},
                                                {"SHOWN", CLI_RIGHT},
                                                {"PICKED", CLI_RIGHT},
                                                {"LESS OR MORE", CLI_LEFT},
                                                {"YOUR WORD", CLI_RIGHT}};
    if (sheet->wishes.n == 0) {
        return;
    }
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t w = 0; w < sheet->wishes.n; w++) {
        const struct wish *wish = &sheet->wishes.wish[w];
        char *bar = bar_text(wish->lift);
        cli_table_line(&table);
        cli_table_text(&table, story_event_label(sheet->s->cli, wish->type->name));
        cli_table_cell(&table, "%d", wish->n_shown);
        cli_table_cell(&table, "%d", wish->n_chosen);
        cli_table_text(&table, bar);
        put_said(&table, wish->said);
        free(bar);
    }
    putchar('\n');
    cli_table_show(&table);
    cli_table_release(&table);
}

static const char *tone_word(int tone)
{
    const char *const word[N_TONES] = {tr("dark"), tr("light"), tr("tense"), tr("tender"),
                                       tr("wry")};
    return word[tone];
}

static void print_tones(const struct sheet *sheet)
{
    static const struct cli_column columns[] = {
        {"TONE", CLI_LEFT}, {"PICKED", CLI_RIGHT}, {"SHARE", CLI_RIGHT}};
    const struct tones *tones = &sheet->tones;
    struct cli_table table;
    if (tones->n_choices == 0) {
        return;
    }
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int t = 0; t < N_TONES; t++) {
        if (tones->n[t] > 0) {
            cli_table_line(&table);
            cli_table_text(&table, tone_word(t));
            cli_table_cell(&table, "%d", tones->n[t]);
            cli_table_cell(&table, "%.0f %%", 100.0 * tones->n[t] / tones->n_choices);
        }
    }
    putchar('\n');
    cli_table_show(&table);
    cli_table_release(&table);
}

static void print_habits(const struct sheet *sheet)
{
    static const struct cli_column columns[] = {
        {"SITUATION", CLI_LEFT}, {"FILMS", CLI_RIGHT}, {"SHARE", CLI_LEFT}};
    if (sheet->habits.n_times == 0) {
        return;
    }
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int k = 0; k < N_HABIT_KINDS; k++) {
        for (int v = 0; v < N_HABIT_VALUES; v++) {
            const int32_t n = sheet->habits.n[k][v];
            if (n == 0) {
                continue;
            }
            char *bar = cli_format("%s", "");
            for (int i = 0; i < (int)round(20.0 * n / sheet->habits.n_times); i++) {
                char *longer = cli_format("%s█", bar);
                free(bar);
                bar = longer;
            }
            cli_table_line(&table);
            cli_table_text(&table, reel_context_value_name((enum reel_context_kind)k, v,
                                                           sheet->s->cli->lang));
            cli_table_cell(&table, "%d", n);
            cli_table_cell(&table, "%s %.0f %%", bar, 100.0 * n / sheet->habits.n_times);
            free(bar);
        }
    }
    putchar('\n');
    cli_table_show(&table);
    cli_table_release(&table);
}

static void print_words(const struct sheet *sheet)
{
    static const struct cli_column columns[] = {{"WORDS WRITTEN", CLI_LEFT},
                                                {"FOR OR AGAINST", CLI_RIGHT}};
    if (sheet->n_words == 0) {
        return;
    }
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < sheet->n_words; i++) {
        cli_table_line(&table);
        cli_table_text(&table, sheet->word[i].name);
        cli_table_cell(&table, "%+.2f", sheet->word[i].amount);
    }
    putchar('\n');
    cli_table_show(&table);
    cli_table_release(&table);
}

static void print_forgotten(const struct sheet *sheet)
{
    const struct reel_film_table *films = sheet->s->films;
    if (sheet->edits.n_forgotten > 0) {
        putchar('\n');
    }
    for (int32_t i = 0; i < sheet->edits.n_forgotten; i++) {
        const int32_t row =
            session_index_of(films->key, films->n_films, sheet->edits.forgotten[i]);
        if (row >= 0) {
            cli_print(tr("forgotten: %s"), session_title(sheet->s, row));
        }
    }
}

static void day_text(int64_t at_s, char text[16])
{
    const time_t at = (time_t)at_s;
    struct tm tm;
    if (!localtime_r(&at, &tm) || !strftime(text, 16, "%Y-%m-%d", &tm)) {
        text[0] = 0;
    }
}

static void print_sheet(const struct sheet *sheet)
{
    const struct reel_profile *p = &sheet->profile;
    cli_print(tr("%s: %d films seen, %d rated, %d liked"), sheet->name, p->n_seen,
              p->n_rated, p->n_liked);
    if (p->n_rated > 0) {
        cli_print(tr("stars: %.2f on average, spread %.2f"), p->mean_stars, p->sd_stars);
    }
    if (p->first_s != REEL_TIME_UNKNOWN) {
        char first[16], last[16];
        day_text(p->first_s, first);
        day_text(p->last_s, last);
        cli_print(tr("from %s to %s"), first, last);
    }
    print_beliefs(sheet, REEL_EDIT_GENRE);
    print_beliefs(sheet, REEL_EDIT_PERSON);
    print_beliefs(sheet, REEL_EDIT_KEYWORD);
    print_beliefs(sheet, REEL_EDIT_LANGUAGE);
    print_beliefs(sheet, REEL_EDIT_DECADE);
    print_wishes(sheet);
    print_tones(sheet);
    print_habits(sheet);
    print_words(sheet);
    print_forgotten(sheet);
}

/* ---- as JSON ---- */

static json_t *beliefs_json(const struct sheet *sheet)
{
    json_t *list = cli_need(json_array());
    for (int32_t b = 0; b < sheet->profile.n_beliefs; b++) {
        const struct reel_belief *belief = &sheet->profile.belief[b];
        json_array_append_new(
            list,
            json_pack("{s:s, s:o, s:i, s:i, s:o, s:o, s:o}", "kind",
                      reel_edit_kind_name(belief->kind), "name",
                      cli_json_text(belief->name), "seen", (int)belief->n_seen, "liked",
                      (int)belief->n_liked, "stars", cli_json_real(belief->stars), "lift",
                      cli_json_real(belief->lift), "said", cli_json_real(belief->said)));
    }
    for (int32_t w = 0; w < sheet->wishes.n; w++) {
        const struct wish *wish = &sheet->wishes.wish[w];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:i, s:i, s:o, s:o}", "kind", "event", "name",
                            wish->type->name, "shown", (int)wish->n_shown, "chosen",
                            (int)wish->n_chosen, "lift", cli_json_real(wish->lift),
                            "said", cli_json_real(wish->said)));
    }
    return list;
}

static json_t *habits_json(const struct sheet *sheet)
{
    json_t *root = cli_need(json_object());
    for (int k = 0; k < N_HABIT_KINDS; k++) {
        json_t *kind = cli_need(json_object());
        for (int v = 0; v < N_HABIT_VALUES; v++) {
            if (sheet->habits.n[k][v] > 0) {
                json_object_set_new(
                    kind, reel_context_value_name((enum reel_context_kind)k, v, "en"),
                    json_integer(sheet->habits.n[k][v]));
            }
        }
        json_object_set_new(root, reel_context_kind_name((enum reel_context_kind)k, "en"),
                            kind);
    }
    return root;
}

static json_t *tones_json(const struct sheet *sheet)
{
    json_t *root = cli_need(json_object());
    for (int t = 0; t < N_TONES; t++) {
        if (sheet->tones.n[t] > 0) {
            json_object_set_new(root, tone_name[t], json_integer(sheet->tones.n[t]));
        }
    }
    return root;
}

static json_t *sheet_json(const struct sheet *sheet)
{
    const struct reel_profile *p = &sheet->profile;
    const struct reel_film_table *films = sheet->s->films;
    json_t *edits = cli_need(json_array()), *forgotten = cli_need(json_array());
    for (int32_t e = 0; e < sheet->edits.n_edits; e++) {
        const struct reel_edit *edit = &sheet->edits.edit[e];
        json_array_append_new(edits, json_pack("{s:s, s:o, s:o}", "kind",
                                               reel_edit_kind_name(edit->kind), "name",
                                               cli_json_text(edit->name), "amount",
                                               cli_json_real(edit->amount)));
    }
    for (int32_t i = 0; i < sheet->edits.n_forgotten; i++) {
        const int32_t row =
            session_index_of(films->key, films->n_films, sheet->edits.forgotten[i]);
        if (row >= 0) {
            json_array_append_new(forgotten, list_film_json(sheet->s, row));
        }
    }
    json_t *written = cli_need(json_array());
    for (int32_t i = 0; i < sheet->n_words; i++) {
        json_array_append_new(
            written, json_pack("{s:o, s:o}", "word", cli_json_text(sheet->word[i].name),
                               "amount", cli_json_real(sheet->word[i].amount)));
    }
    return json_pack("{s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}",
                     "viewer", cli_json_text(sheet->name), "seen", (int)p->n_seen,
                     "rated", (int)p->n_rated, "liked", (int)p->n_liked, "mean_stars",
                     cli_json_real(p->mean_stars), "sd_stars", cli_json_real(p->sd_stars),
                     "beliefs", beliefs_json(sheet), "tones", tones_json(sheet), "habits",
                     habits_json(sheet), "edits", edits, "forgotten", forgotten,
                     "written", written, "choices", (int)sheet->wishes.n_choices);
}

/* ---- the command ---- */

static enum reel_status change_all(struct session *s, int64_t viewer,
                                   const struct profile_words *words,
                                   struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t c = 0; c < words->n_changes && rc == REEL_OK; c++) {
        rc = make_change(s, viewer, &words->change[c], err);
    }
    return rc;
}

/** Changes first; then everything is read anew, as the next list will read it. */
static enum reel_status open_changed(struct cli *cli, struct session *s, const char *name,
                                     const struct profile_words *words, int64_t *viewer,
                                     struct reel_error *err)
{
    enum reel_status rc = session_open(cli, s, 0, err);
    rc = rc ? rc : session_viewer_find(s, name, viewer, err);
    rc = rc ? rc : session_load(s, 0, err);
    if (rc || words->n_changes == 0) {
        return rc;
    }
    rc = change_all(s, *viewer, words, err);
    if (rc == REEL_OK) {
        session_close(s);
        rc = session_open(cli, s, 0, err);
        rc = rc ? rc : session_load(s, 0, err);
    }
    return rc;
}

static enum cli_exit profile_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, 1, NULL};
    struct profile_words words = {.n_rows = N_ROWS};
    struct reel_error err;
    struct session s;
    struct sheet sheet = {.s = &s};
    int64_t viewer = 0;
    cli_args_parse(cli, &cmd_profile, &args, argc, argv, &sheet.name, &words);
    sheet.n_rows = words.n_rows;
    enum reel_status rc = open_changed(cli, &s, sheet.name, &words, &viewer, &err);
    rc = rc ? rc : sheet_make(&sheet, viewer, &err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status =
            rc == REEL_EINVAL ? (cli_fail(cli, &err), CLI_USAGE) : cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(sheet_json(&sheet));
    } else {
        print_sheet(&sheet);
    }
    sheet_release(&sheet);
    session_close(&s);
    free(words.change);
    return status;
}

const struct cli_command cmd_profile = {
    .name = "profile",
    .usage = "forkreel profile [OPTION...] VIEWER",
    .summary = "what is believed about a viewer, and the viewer's last word",
    .run = profile_run,
};
