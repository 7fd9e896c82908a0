/** What was shown and what came of it; situations; states; erasing a viewer. */
#include "db_unit.h"

#include "base_alloc.h"

#include <string.h>

static void put_films(struct db_unit *u)
{
    const struct reel_film film[3] = {db_unit_film("csv", "1", "Heat", 1995),
                                      db_unit_film("csv", "2", "Fargo", 1996),
                                      db_unit_film("csv", "3", "Hero", 2002)};
    (void)db_unit_put(u, film, 3, NULL, 0);
}

struct told {
    int32_t n;
    char text[8][160];
};

static enum reel_status tell_shown(const struct reel_shown *shown, void *payload,
                                   struct reel_error *err)
{
    struct told *told = payload;
    (void)err;
    char *text = told->text[told->n++];
    int n = snprintf(text, sizeof told->text[0], "%s %s %s/%d %s", shown->viewer,
                     shown->policy, shown->story ? shown->story : "-", shown->node,
                     shown->context ? shown->context : "-");
    for (int32_t i = 0; i < shown->n_items; i++) {
        n += snprintf(text + n, sizeof told->text[0] - (size_t)n, " %lld:%.2f:%s",
                      (long long)shown->item[i].item, shown->item[i].propensity,
                      shown->item[i].about ? shown->item[i].about : "-");
    }
    (void)snprintf(text + n, sizeof told->text[0] - (size_t)n, " > %lld %.1f",
                   (long long)shown->taken, shown->reward);
    return REEL_OK;
}

static const struct reel_shown_item films[] = {{1, 1, NULL}, {3, 0.25, "last place"}};

static struct reel_shown list_of(const char *viewer, int64_t at_s)
{
    return (struct reel_shown){.viewer = viewer,
                               .kind = REEL_SHOWN_FILMS,
                               .policy = "als",
                               .at_s = at_s,
                               .item = films,
                               .n_items = 2};
}

static void lists_are_kept_with_propensities_and_answered(void **state)
{
    struct db_unit *u = *state;
    put_films(u);
    int64_t version, version_after, key[3];
    assert_ok(reel_store_version(u->store, &version, &u->err), u->err);
    for (int i = 0; i < 3; i++) {
        struct reel_shown list = list_of(i < 2 ? "ann" : "bob", 100 * (i + 1));
        list.context = i == 0 ? "mood=sad" : NULL;
        assert_ok(reel_store_shown_add(u->store, &list, &key[i], &u->err), u->err);
    }
    const struct reel_shown_item nodes[] = {{4, 0.9, "betrayal"}, {2, 0.1, "rescue"}};
    const struct reel_shown siblings = {.viewer = "ann",
                                        .kind = REEL_SHOWN_BRANCHES,
                                        .policy = "thompson",
                                        .story = "heat-1",
                                        .node = 1,
                                        .at_s = 400,
                                        .item = nodes,
                                        .n_items = 2};
    int64_t asked;
    assert_ok(reel_store_shown_add(u->store, &siblings, &asked, &u->err), u->err);
    assert_ok(reel_store_shown_answer(u->store, asked, 2, 0, &u->err), u->err);
    // An event on a film answers the newest list that had it.
    assert_ok(reel_store_shown_film(u->store, "ann", 3, 0, 0.5, &u->err), u->err);
    assert_ok(reel_store_shown_film(u->store, "ann", 2, 0, 1, &u->err), u->err);
    assert_ok(reel_store_version(u->store, &version_after, &u->err), u->err);
    assert_int_equal(version, version_after);

    struct told told = {0};
    assert_ok(reel_store_shown_each(u->store, NULL, REEL_SHOWN_FILMS, tell_shown, &told,
                                    &u->err),
              u->err);
    assert_int_equal(told.n, 3);
    assert_string_equal(told.text[0],
                        "ann als -/0 mood=sad 1:1.00:- 3:0.25:last place > 0 nan");
    assert_string_equal(told.text[1], "ann als -/0 - 1:1.00:- 3:0.25:last place > 3 0.5");
    told = (struct told){0};
    assert_ok(reel_store_shown_each(u->store, "ann", REEL_SHOWN_BRANCHES, tell_shown,
                                    &told, &u->err),
              u->err);
    assert_int_equal(told.n, 1);
    assert_string_equal(told.text[0],
                        "ann thompson heat-1/1 - 4:0.90:betrayal 2:0.10:rescue > 2 0.0");

    // Since when, and the better answer stays.
    assert_ok(reel_store_shown_film(u->store, "bob", 1, 301, 1, &u->err), u->err);
    assert_ok(reel_store_shown_film(u->store, "bob", 1, 300, 1, &u->err), u->err);
    assert_ok(reel_store_shown_film(u->store, "bob", 3, 0, 0.5, &u->err), u->err);
    told = (struct told){0};
    assert_ok(reel_store_shown_each(u->store, "bob", REEL_SHOWN_FILMS, tell_shown, &told,
                                    &u->err),
              u->err);
    assert_non_null(strstr(told.text[0], "> 1 1.0"));

    int64_t n;
    assert_ok(reel_store_shown_decay(u->store, 250, &n, &u->err), u->err);
    assert_int_equal(n, 2);
    told = (struct told){0};
    assert_ok(reel_store_shown_each(u->store, NULL, REEL_SHOWN_FILMS, tell_shown, &told,
                                    &u->err),
              u->err);
    assert_int_equal(told.n, 1);
    int64_t n_items = 0;
    assert_ok(
        db_sql_int(u->store, "SELECT count(*) FROM shown_item", &n_items, &u->err, ""),
        u->err);
    assert_int_equal(n_items, 4);
}

static void unsound_list_is_refused(void **state)
{
    struct db_unit *u = *state;
    int64_t key;
    struct reel_shown list = list_of("", 1);
    assert_int_equal(reel_store_shown_add(u->store, &list, &key, &u->err), REEL_EINVAL);
    list = list_of("ann", 1);
    list.n_items = 0;
    assert_int_equal(reel_store_shown_add(u->store, &list, &key, &u->err), REEL_EINVAL);
    const struct reel_shown_item sure = {1, 1.5, NULL};
    list.item = &sure;
    list.n_items = 1;
    assert_int_equal(reel_store_shown_add(u->store, &list, &key, &u->err), REEL_EINVAL);
    list = list_of("ann", 1);
    assert_ok(reel_store_shown_add(u->store, &list, &key, &u->err), u->err);
    assert_int_equal(reel_store_shown_answer(u->store, key, 2, 1, &u->err),
                     REEL_ENOTFOUND);
    assert_int_equal(reel_store_shown_answer(u->store, key + 1, 1, 1, &u->err),
                     REEL_ENOTFOUND);
    assert_int_equal(reel_store_shown_answer(u->store, key, 1, 2, &u->err), REEL_EINVAL);
}

static enum reel_status tell_situation(const struct reel_situation *situation,
                                       void *payload, struct reel_error *err)
{
    struct told *told = payload;
    (void)err;
    (void)snprintf(told->text[told->n++], sizeof told->text[0], "%lld %lld %d %lld %g %s",
                   (long long)situation->viewer, (long long)situation->film,
                   (int)situation->kind, (long long)situation->at_s, situation->value,
                   situation->context);
    return REEL_OK;
}

static void later_kinds_are_events_with_a_situation(void **state)
{
    struct db_unit *u = *state;
    put_films(u);
    const struct reel_event events[] = {
        {.kind = REEL_EVENT_SKIP, .viewer = "ann", .value = 0.25, .at_s = 10},
        {.kind = REEL_EVENT_REPLAY,
         .viewer = "ann",
         .value = NAN,
         .at_s = 20,
         .context = "company=friends"},
        {.kind = REEL_EVENT_CHOOSE, .viewer = "ann", .value = NAN, .at_s = 30},
        {.kind = REEL_EVENT_RATE,
         .viewer = "ann",
         .value = 4,
         .at_s = 40,
         .context = "mood=sad"},
    };
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        assert_ok(reel_store_event_add(u->store, i == 0 ? 1 : 2, &events[i], &u->err),
                  u->err);
    }
    struct reel_history history;
    assert_ok(reel_store_history_load(u->store, 0, &history, &u->err), u->err);
    assert_int_equal(history.seen.start[1], 2);
    assert_int_equal(history.kinds[0], 1 << REEL_EVENT_SKIP);
    assert_int_equal(history.mark[0], 0);
    assert_float_equal(history.share[0], 0.25, 0);
    assert_int_equal(history.kinds[1], 1 << REEL_EVENT_REPLAY | 1 << REEL_EVENT_CHOOSE |
                                           1 << REEL_EVENT_RATE);
    assert_int_equal(history.mark[1],
                     1 << REEL_EVENT_WATCH | 1 << REEL_EVENT_LIKE | 1 << REEL_EVENT_RATE);
    assert_true(isnan(history.share[1]));
    reel_history_release(&history);
    struct told told = {0};
    assert_ok(reel_store_situations_each(u->store, 0, tell_situation, &told, &u->err),
              u->err);
    assert_int_equal(told.n, 2);
    assert_string_equal(told.text[0], "1 2 1 40 4 mood=sad");
    assert_string_equal(told.text[1], "1 2 9 20 nan company=friends");
    struct reel_event bad = events[0];
    bad.value = 1.5;
    assert_int_equal(reel_store_event_add(u->store, 1, &bad, &u->err), REEL_EINVAL);
}

static void states_are_kept_under_names(void **state)
{
    struct db_unit *u = *state;
    static const unsigned char bytes[] = {0, 1, 255, 0};
    unsigned char *found;
    size_t n;
    assert_ok(reel_store_state_get(u->store, "ann", "bandit", &found, &n, &u->err),
              u->err);
    assert_null(found);
    assert_ok(reel_store_state_put(u->store, "ann", "bandit", bytes, 4, &u->err), u->err);
    assert_ok(reel_store_state_put(u->store, "ann", "bandit", bytes, 3, &u->err), u->err);
    assert_ok(reel_store_state_put(u->store, "ann", "other", bytes, 0, &u->err), u->err);
    assert_ok(reel_store_state_get(u->store, "ann", "bandit", &found, &n, &u->err),
              u->err);
    assert_int_equal(n, 3);
    assert_memory_equal(found, bytes, 3);
    reel_store_bytes_free(found);
    assert_ok(reel_store_state_get(u->store, "bob", "bandit", &found, &n, &u->err),
              u->err);
    assert_null(found);
}

static int64_t count(struct db_unit *u, const char *table)
{
    char text[64];
    sqlite3_stmt *stmt;
    (void)snprintf(text, sizeof text, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_prepare_v2(u->store->sql, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return n;
}

static void erased_viewer_leaves_nothing(void **state)
{
    struct db_unit *u = *state;
    static const char *const tables[] = {"history", "note",        "situation",
                                         "shown",   "shown_item",  "choice",
                                         "viewer",  "viewer_state"};
    static const char *const branches[] = {"chase"};
    put_films(u);
    for (int v = 0; v < 2; v++) {
        const char *viewer = v ? "bob" : "ann";
        const struct reel_event review = {.kind = REEL_EVENT_REVIEW,
                                          .viewer = viewer,
                                          .at_s = 5,
                                          .text = "good",
                                          .context = "mood=sad"};
        const struct reel_event rate = {
            .kind = REEL_EVENT_RATE, .viewer = viewer, .value = 4, .at_s = 6};
        const struct reel_choice choice = {.viewer = viewer,
                                           .story = "s",
                                           .from = "",
                                           .to = "chase",
                                           .shown = branches,
                                           .n_shown = 1};
        const struct reel_shown list = list_of(viewer, 1);
        assert_ok(reel_store_event_add(u->store, 1, &review, &u->err), u->err);
        assert_ok(reel_store_event_add(u->store, 1, &rate, &u->err), u->err);
        assert_ok(reel_store_choice_add(u->store, &choice, &u->err), u->err);
        assert_ok(reel_store_shown_add(u->store, &list, NULL, &u->err), u->err);
        assert_ok(reel_store_state_put(u->store, viewer, "bandit",
                                       (const unsigned char *)"x", 1, &u->err),
                  u->err);
    }
    int64_t key, before, after;
    assert_ok(reel_store_viewer_find(u->store, "ann", &key, &u->err), u->err);
    assert_ok(reel_store_version(u->store, &before, &u->err), u->err);
    int64_t n_before[COUNT_OF(tables)];
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        n_before[t] = count(u, tables[t]);
        assert_true(n_before[t] >= 2);
    }
    assert_ok(reel_store_viewer_erase(u->store, key, &u->err), u->err);
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        assert_int_equal(count(u, tables[t]), n_before[t] / 2);
    }
    assert_ok(reel_store_version(u->store, &after, &u->err), u->err);
    assert_true(after > before);
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    assert_int_equal(card.n_ratings, 1);
    assert_int_equal(card.n_reviews, 1);
    reel_film_card_release(&card);
    assert_int_equal(reel_store_viewer_erase(u->store, key, &u->err), REEL_ENOTFOUND);
    db_unit_check(u);
}

/** Is a word anywhere in the file of the store or in its log? */
static bool is_on_disk(const struct db_unit *u, const char *word)
{
    static const char *const ending[] = {"", "-wal"};
    bool is_found = false;
    for (size_t i = 0; i < COUNT_OF(ending); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", u->path, ending[i]);
        FILE *file = fopen(path, "rb");
        if (file) {
            char *bytes = malloc((size_t)4 << 20);
            const size_t n = fread(bytes, 1, (size_t)4 << 20, file);
            is_found = is_found || memmem(bytes, n, word, strlen(word));
            (void)fclose(file);
            free(bytes);
        }
    }
    return is_found;
}

static void a_compacted_file_holds_no_trace(void **state)
{
    struct db_unit *u = *state;
    static const char words[] = "Ithoughtthatthiswasawfullylong";
    put_films(u);
    for (int i = 0; i < 40; i++) {
        const struct reel_event review = {
            .kind = REEL_EVENT_REVIEW, .viewer = "annabella", .at_s = i, .text = words};
        assert_ok(reel_store_event_add(u->store, 1, &review, &u->err), u->err);
    }
    int64_t key;
    assert_ok(reel_store_viewer_find(u->store, "annabella", &key, &u->err), u->err);
    assert_ok(reel_store_viewer_erase(u->store, key, &u->err), u->err);
    assert_true(is_on_disk(u, words)); // deleting alone leaves it there
    struct reel_store *other;
    assert_ok(reel_store_open(u->path, 0, &other, &u->err), u->err);
    assert_ok(reel_store_compact(u->store, &u->err), u->err);
    assert_false(is_on_disk(u, words));
    assert_false(is_on_disk(u, "annabella"));
    int64_t version;
    assert_ok(reel_store_version(other, &version, &u->err), u->err); // who else is there
    reel_store_close(other);
    db_unit_check(u);
}

/** Everything that is told of a viewer, as a line each. */
struct telling {
    char text[1024];
    int n_left; /* before a callback says stop; negative: never */
};

static enum reel_status tell(struct telling *t, const char *line, struct reel_error *err)
{
    strncat(t->text, line, sizeof t->text - strlen(t->text) - 1);
    if (t->n_left == 0) {
        err->text[0] = 0;
        return REEL_ECANCELLED;
    }
    t->n_left--;
    return REEL_OK;
}

static enum reel_status tell_event(const struct reel_kept_event *event, void *payload,
                                   struct reel_error *err)
{
    char line[128];
    (void)snprintf(line, sizeof line, "film %d kind %d value %g at %d\n",
                   (int)event->film, (int)event->kind, event->value,
                   event->at_s == REEL_TIME_UNKNOWN ? -1 : (int)event->at_s);
    return tell(payload, line, err);
}

static enum reel_status tell_trait(const char *name, const char *value, void *payload,
                                   struct reel_error *err)
{
    char line[128];
    (void)snprintf(line, sizeof line, "%s = %s\n", name, value);
    return tell(payload, line, err);
}

static enum reel_status tell_state(const char *name, const unsigned char *bytes,
                                   size_t n_bytes, void *payload, struct reel_error *err)
{
    char line[128];
    (void)snprintf(line, sizeof line, "%s: %zu bytes, first %d\n", name, n_bytes,
                   bytes[0]);
    return tell(payload, line, err);
}

static void all_that_is_kept_is_told(void **state)
{
    struct db_unit *u = *state;
    put_films(u);
    static const unsigned char bytes[] = {7, 0, 9};
    const struct reel_event rate = {
        .kind = REEL_EVENT_RATE, .viewer = "ann", .value = 4.5, .at_s = 6};
    const struct reel_event like = {
        .kind = REEL_EVENT_LIKE, .viewer = "ann", .at_s = REEL_TIME_UNKNOWN};
    const struct reel_event other = {.kind = REEL_EVENT_LIKE, .viewer = "bob", .at_s = 1};
    assert_ok(reel_store_event_add(u->store, 3, &rate, &u->err), u->err);
    assert_ok(reel_store_event_add(u->store, 1, &like, &u->err), u->err);
    assert_ok(reel_store_event_add(u->store, 1, &other, &u->err), u->err);
    assert_ok(reel_store_state_put(u->store, "ann", "bandit", bytes, 3, &u->err), u->err);
    int64_t key;
    assert_ok(reel_store_viewer_find(u->store, "ann", &key, &u->err), u->err);
    assert_int_equal(
        sqlite3_exec(u->store->sql,
                     "INSERT INTO viewer_trait SELECT key, 'occupation', 'writer'"
                     " FROM viewer WHERE name = 'ann'",
                     NULL, NULL, NULL),
        SQLITE_OK);
    struct telling t = {.n_left = -1};
    assert_ok(reel_store_events_each(u->store, key, tell_event, &t, &u->err), u->err);
    assert_ok(reel_store_traits_each(u->store, key, tell_trait, &t, &u->err), u->err);
    assert_ok(reel_store_states_each(u->store, key, tell_state, &t, &u->err), u->err);
    assert_string_equal(t.text, "film 1 kind 3 value nan at -1\n"
                                "film 3 kind 1 value 4.5 at 6\n"
                                "occupation = writer\n"
                                "bandit: 3 bytes, first 7\n");
    t = (struct telling){.n_left = 0}; // a callback that stops is obeyed
    assert_int_equal(reel_store_events_each(u->store, key, tell_event, &t, &u->err),
                     REEL_ECANCELLED);
    assert_string_equal(t.text, "film 1 kind 3 value nan at -1\n");
    t = (struct telling){.n_left = -1}; // of nobody nothing is told
    assert_ok(reel_store_events_each(u->store, 99, tell_event, &t, &u->err), u->err);
    assert_ok(reel_store_traits_each(u->store, 99, tell_trait, &t, &u->err), u->err);
    assert_ok(reel_store_states_each(u->store, 99, tell_state, &t, &u->err), u->err);
    assert_string_equal(t.text, "");
}

/** Two films turn out to be one: situations and lists go over to the lower key. */
static void merged_films_take_their_traces_along(void **state)
{
    struct db_unit *u = *state;
    put_films(u);
    const struct reel_event event = {
        .kind = REEL_EVENT_LIKE, .viewer = "ann", .at_s = 5, .context = "mood=sad"};
    const struct reel_shown list = list_of("ann", 1);
    assert_ok(reel_store_event_add(u->store, 3, &event, &u->err), u->err);
    assert_ok(reel_store_shown_add(u->store, &list, NULL, &u->err), u->err);
    assert_ok(reel_store_shown_film(u->store, "ann", 3, 0, 1, &u->err), u->err);
    struct reel_import *import = db_unit_import(u, false);
    struct reel_import_report report;
    assert_ok(reel_store_import_same(import, 3, 2, &u->err), u->err);
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    reel_store_import_free(import);
    struct told told = {0};
    assert_ok(reel_store_situations_each(u->store, 0, tell_situation, &told, &u->err),
              u->err);
    assert_string_equal(told.text[0], "1 2 3 5 nan mood=sad");
    told = (struct told){0};
    assert_ok(reel_store_shown_each(u->store, NULL, REEL_SHOWN_FILMS, tell_shown, &told,
                                    &u->err),
              u->err);
    assert_string_equal(told.text[0], "ann als -/0 - 1:1.00:- 2:0.25:last place > 2 1.0");
}

static void every_allocation_may_fail(void **state)
{
    struct db_unit *u = *state;
    put_films(u);
    const struct reel_shown list = list_of("ann", 1);
    assert_ok(reel_store_shown_add(u->store, &list, NULL, &u->err), u->err);
    for (long n = 0;; n++) {
        struct told told = {0};
        unsigned char *bytes = NULL;
        size_t n_bytes;
        base_alloc_fail_after(n);
        enum reel_status rc = reel_store_shown_each(u->store, NULL, REEL_SHOWN_FILMS,
                                                    tell_shown, &told, &u->err);
        rc = rc ? rc
                : reel_store_state_put(u->store, "ann", "b", (const unsigned char *)"x",
                                       1, &u->err);
        rc = rc ? rc
                : reel_store_state_get(u->store, "ann", "b", &bytes, &n_bytes, &u->err);
        base_alloc_fail_after(-1);
        reel_store_bytes_free(bytes);
        if (rc == REEL_OK) {
            assert_true(n >= 3);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_kept_with_propensities_and_answered),
        TEST(unsound_list_is_refused),
        TEST(later_kinds_are_events_with_a_situation),
        TEST(states_are_kept_under_names),
        TEST(erased_viewer_leaves_nothing),
        TEST(a_compacted_file_holds_no_trace),
        TEST(all_that_is_kept_is_told),
        TEST(merged_films_take_their_traces_along),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
