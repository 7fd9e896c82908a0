/** The film table and the card of one film. */
#include "db_unit.h"

#include "base_csr.h"
#include "db_table.h"

static void put_films(struct db_unit *u)
{
    static const struct reel_title titles[] = {{"盗火线", "zh"}, {"烈火悍將", "zh-HK"}};
    static const char *const genres[] = {"Crime", "Drama"}, *const comedy[] = {"Comedy",
                                                                               "Drama"};
    static const char *const keywords[] = {"heist"}, *const countries[] = {"US"};
    static const struct reel_person people[] = {
        {"Michael Mann", REEL_ROLE_DIRECTOR, NULL},
        {"Michael Mann", REEL_ROLE_WRITER, NULL},
        {"Al Pacino", REEL_ROLE_ACTOR, "Hanna"}};
    static const struct reel_link links[] = {{"freebase", "m.0f4_l"}};
    struct reel_film film[] = {db_unit_film("ml", "6", "Heat", 1995),
                               db_unit_film("ml", "7", "Sabrina", 1954),
                               db_unit_film("ml", "8", NULL, 0)};
    film[0].titles = titles;
    film[0].n_titles = 2;
    film[0].genres = genres;
    film[0].n_genres = 2;
    film[0].keywords = keywords;
    film[0].n_keywords = 1;
    film[0].countries = countries;
    film[0].n_countries = 1;
    film[0].people = people;
    film[0].n_people = 3;
    film[0].links = links;
    film[0].n_links = 1;
    film[0].age_rating = "R";
    film[0].runtime_min = 170;
    film[0].language = "en";
    film[0].vote_mean = 7.9;
    film[0].n_votes = 6000;
    film[1].genres = comedy;
    film[1].n_genres = 2;
    (void)db_unit_put(u, film, 3, NULL, 0);
}

static void min_age_reads_what_boards_write(void **state)
{
    static const struct {
        const char *rating;
        int32_t age;
    } known[] = {
        {"G", 0},
        {"PG", 8},
        {"PG-13", 13},
        {"pg-13", 13},
        {"R", 17},
        {"NC-17", 18},
        {"Rated R", 17},
        {"FSK 12", 12},
        {"12A", 12},
        {"16+", 16},
        {"de:16", 16},
        {"US:R", 17},
        {"18", 18},
        {"U", 0},
        {"0", 0},
        {"TV-MA", 17},
        {"Rated PG-13 for 3 scenes", 13},
        {"Not Rated", -1},
        {"", -1},
        {NULL, -1},
        {"1995", -1},
        {"-5", -1},
        {"999999999999999", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (db_table_min_age(known[i].rating) != known[i].age) {
            fail_msg("%s: %d", known[i].rating, (int)db_table_min_age(known[i].rating));
        }
    }
}

static void table_holds_every_film(void **state)
{
    struct db_unit *u = *state;
    struct reel_film_table *table;
    put_films(u);
    assert_ok(reel_store_film_table_load(u->store, &table, &u->err), u->err);
    assert_int_equal(table->n_films, 3);
    assert_string_equal(table->title[0], "Heat");
    assert_string_equal(table->title_zh[0], "盗火线");
    assert_null(table->title_zh[1]);
    assert_string_equal(table->title[2], "8");
    assert_string_equal(table->source_id[0], "6");
    assert_int_equal(table->year[1], 1954);
    assert_int_equal(table->year[2], REEL_YEAR_UNKNOWN);
    assert_int_equal(table->min_age[0], 17);
    assert_int_equal(table->min_age[1], -1);
    assert_int_equal(table->runtime_min[0], 170);
    assert_string_equal(table->language[0], "en");
    assert_ok(base_csr_check(&table->genres, &u->err), u->err);
    assert_ok(base_csr_check(&table->people, &u->err), u->err);
    assert_int_equal(table->genres.n_cols, 3);
    assert_int_equal(table->genres.start[3], 4);
    assert_string_equal(table->genre_name[table->genres.col[0]], "Crime");
    assert_int_equal(table->people.start[1], 2); // one person in two roles is one
    assert_int_equal(table->keywords.start[3], 1);
    reel_film_table_free(table);
}

static void table_of_an_empty_store_is_empty(void **state)
{
    struct db_unit *u = *state;
    struct reel_film_table *table;
    struct reel_history history;
    assert_ok(reel_store_film_table_load(u->store, &table, &u->err), u->err);
    assert_int_equal(table->n_films, 0);
    assert_int_equal(table->genres.start[0], 0);
    reel_film_table_free(table);
    assert_ok(reel_store_history_load(u->store, 0, &history, &u->err), u->err);
    assert_int_equal(history.n_viewers, 0);
    assert_int_equal(history.seen.start[0], 0);
    reel_history_release(&history);
    assert_int_equal(reel_store_history_load(u->store, 5, &history, &u->err),
                     REEL_ENOTFOUND);
}

static void card_shows_everything_known(void **state)
{
    struct db_unit *u = *state;
    struct reel_film_card card;
    put_films(u);
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    const struct reel_film *film = &card.film;
    assert_string_equal(film->ref.source, "ml");
    assert_string_equal(film->ref.id, "6");
    assert_int_equal(film->n_titles, 3);
    assert_int_equal(film->n_people, 3);
    assert_string_equal(film->people[0].name, "Michael Mann");
    assert_string_equal(film->people[2].character, "Hanna");
    assert_string_equal(film->countries[0], "US");
    assert_string_equal(film->keywords[0], "heist");
    assert_string_equal(film->links[0].value, "m.0f4_l");
    assert_float_equal(film->vote_mean, 7.9, 0);
    assert_true(isnan(film->popularity));
    assert_true(isnan(card.mean_stars));
    assert_int_equal(card.n_refs, 1);
    reel_film_card_release(&card);
    assert_int_equal(reel_store_film_load(u->store, 77, &card, &u->err), REEL_ENOTFOUND);
    reel_film_card_release(&card);
}

static void best_trial_is_the_one_with_the_highest_score(void **state)
{
    struct db_unit *u = *state;
    const struct reel_trial trials[] = {
        {"als", "factors=32", "ndcg@10 validation", 0.21, 1, 1},
        {"als", "factors=64 alpha=5", "ndcg@10 validation", 0.24, 2, 1},
        {"ease", "l2=200", "ndcg@10 validation", 0.25, 3, 1},
    };
    char settings[64];
    double score = 0;
    for (size_t i = 0; i < COUNT_OF(trials); i++) {
        assert_ok(reel_store_trial_add(u->store, &trials[i], &u->err), u->err);
    }
    assert_ok(reel_store_trial_best(u->store, "als", settings, sizeof settings, &score,
                                    &u->err),
              u->err);
    assert_string_equal(settings, "factors=64 alpha=5");
    assert_float_equal(score, 0.24, 0);
    assert_int_equal(reel_store_trial_best(u->store, "bpr", settings, sizeof settings,
                                           &score, &u->err),
                     REEL_ENOTFOUND);
    assert_int_equal(reel_store_trial_best(u->store, "als", settings, 5, &score, &u->err),
                     REEL_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(min_age_reads_what_boards_write),
        TEST(table_holds_every_film),
        TEST(table_of_an_empty_store_is_empty),
        TEST(card_shows_everything_known),
        TEST(best_trial_is_the_one_with_the_highest_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
