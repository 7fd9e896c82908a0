/** `forkreel show FILM`: one film with everything that is known of it. */
#include "cli_commands.h"
#include "cli_session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_WORDS = 32 };

static const char *const role_names[] = {
    [REEL_ROLE_DIRECTOR] = "director",
    [REEL_ROLE_WRITER] = "writer",
    [REEL_ROLE_ACTOR] = "actor",
    [REEL_ROLE_OTHER] = "other",
};

/* ---- JSON ---- */

static json_t *texts_json(const char *const *text, int32_t n)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < n; i++) {
        json_array_append_new(list, cli_json_text(text[i]));
    }
    return list;
}

static json_t *titles_json(const struct reel_film *film)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < film->n_titles; i++) {
        json_array_append_new(
            list, json_pack("{s:o, s:o}", "title", cli_json_text(film->titles[i].text),
                            "language", cli_json_text(film->titles[i].language)));
    }
    return list;
}

static json_t *people_json(const struct reel_film *film)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < film->n_people; i++) {
        const struct reel_person *person = &film->people[i];
        json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "name",
                                              cli_json_text(person->name), "role",
                                              role_names[person->role], "character",
                                              cli_json_text(person->character)));
    }
    return list;
}

static json_t *ids_json(const struct reel_film_card *card)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < card->n_refs; i++) {
        const struct reel_film_ref *ref = &card->refs[i];
        json_t *id = json_object();
        if (ref->source && ref->id) {
            json_object_set_new(id, "source", cli_json_text(ref->source));
            json_object_set_new(id, "id", cli_json_text(ref->id));
        }
        if (ref->imdb) {
            json_object_set_new(id, "imdb", cli_json_text(ref->imdb));
        }
        if (ref->tmdb > 0) {
            json_object_set_new(id, "tmdb", json_integer(ref->tmdb));
        }
        if (ref->douban) {
            json_object_set_new(id, "douban", cli_json_text(ref->douban));
        }
        json_array_append_new(list, id);
    }
    return list;
}

static json_t *links_json(const struct reel_film *film)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < film->n_links; i++) {
        json_array_append_new(list, json_pack("{s:o, s:o}", "site",
                                              cli_json_text(film->links[i].site), "value",
                                              cli_json_text(film->links[i].value)));
    }
    return list;
}

static json_t *card_json(int64_t key, const struct reel_film_card *card)
{
    const struct reel_film *film = &card->film;
    json_t *root = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "key", (json_int_t)key,
        "title", cli_json_text(film->ref.title), "title_original",
        cli_json_text(film->title_original), "titles", titles_json(film), "year",
        cli_json_year(film->ref.year), "language", cli_json_text(film->language),
        "overview", cli_json_text(film->overview), "tagline",
        cli_json_text(film->tagline), "age_rating", cli_json_text(film->age_rating),
        "runtime_min", (int)film->runtime_min);
    json_object_set_new(root, "genres", texts_json(film->genres, film->n_genres));
    json_object_set_new(root, "keywords", texts_json(film->keywords, film->n_keywords));
    json_object_set_new(root, "countries",
                        texts_json(film->countries, film->n_countries));
    json_object_set_new(root, "people", people_json(film));
    json_object_set_new(root, "ids", ids_json(card));
    json_object_set_new(root, "links", links_json(film));
    json_object_set_new(root, "popularity", cli_json_real(film->popularity));
    json_object_set_new(root, "vote_mean", cli_json_real(film->vote_mean));
    json_object_set_new(root, "n_votes", json_integer(film->n_votes));
    json_object_set_new(root, "n_ratings", json_integer(card->n_ratings));
    json_object_set_new(root, "mean_stars", cli_json_real(card->mean_stars));
    json_object_set_new(root, "n_watches", json_integer(card->n_watches));
    json_object_set_new(root, "n_likes", json_integer(card->n_likes));
    json_object_set_new(root, "n_reviews", json_integer(card->n_reviews));
    json_object_set_new(root, "tags", texts_json(card->tags, card->n_tags));
    json_object_set_new(root, "reviews",
                        texts_json(card->reviews, card->n_reviews_shown));
    return root;
}

/* ---- the card ---- */

/** Text that grows and becomes one line of the card. */
struct line {
    char *text;
    size_t n_bytes;
    FILE *out;
    int n;
};

static void line_begin(struct line *line)
{
    *line = (struct line){0};
    line->out = cli_need(open_memstream(&line->text, &line->n_bytes));
}

/** Where the next part goes, after a separator. */
static FILE *line_next(struct line *line, const char *separator)
{
    fputs(line->n++ ? separator : "", line->out);
    return line->out;
}

enum { LABEL_WIDTH = 12 };

static void line_end(struct line *line, const char *label)
{
    fclose(line->out);
    cli_card(LABEL_WIDTH, label, cli_need(line->text));
    free(line->text);
}

static void print_list(const char *label, const char *const *text, int32_t n)
{
    struct line line;
    line_begin(&line);
    for (int32_t i = 0; i < n; i++) {
        fputs(text[i], line_next(&line, ", "));
    }
    line_end(&line, label);
}

static void print_names(const struct cli *cli, const struct reel_film *film)
{
    const char *title = session_card_title(cli, film), *original = film->title_original;
    char *name = session_card_name(cli, film);
    cli_card(LABEL_WIDTH, tr("Title"), name);
    free(name);
    if (original && strcmp(original, title)) {
        cli_card(LABEL_WIDTH, tr("Original"), original);
    }
    struct line line;
    line_begin(&line);
    for (int32_t i = 0; i < film->n_titles; i++) {
        const struct reel_title *other = &film->titles[i];
        if (!strcmp(other->text, title) || (original && !strcmp(other->text, original))) {
            continue;
        }
        FILE *out = line_next(&line, "; ");
        if (other->language) {
            fprintf(out, "%s [%s]", other->text, other->language);
        } else {
            fputs(other->text, out);
        }
    }
    line_end(&line, tr("Also called"));
}

static void print_facts(const struct reel_film *film)
{
    struct line line;
    line_begin(&line);
    if (film->runtime_min > 0) {
        fprintf(line_next(&line, " · "), tr("%d minutes"), film->runtime_min);
    }
    if (film->age_rating) {
        fputs(film->age_rating, line_next(&line, " · "));
    }
    if (film->language) {
        fputs(film->language, line_next(&line, " · "));
    }
    for (int32_t i = 0; i < film->n_countries; i++) {
        fputs(film->countries[i], line_next(&line, i ? ", " : " · "));
    }
    line_end(&line, tr("Facts"));
    print_list(tr("Genres"), film->genres, film->n_genres);
}

static void print_people(const struct reel_film *film, enum reel_role role,
                         const char *label)
{
    enum { N_SHOWN = 12 };
    struct line line;
    line_begin(&line);
    for (int32_t i = 0; i < film->n_people && line.n < N_SHOWN; i++) {
        const struct reel_person *person = &film->people[i];
        if (person->role != role) {
            continue;
        }
        FILE *out = line_next(&line, ", ");
        if (person->character) {
            fprintf(out, tr("%s as %s"), person->name, person->character);
        } else {
            fputs(person->name, out);
        }
    }
    line_end(&line, label);
}

static void print_ids(const struct reel_film_card *card)
{
    struct line line;
    line_begin(&line);
    for (int32_t i = 0; i < card->n_refs; i++) {
        const struct reel_film_ref *ref = &card->refs[i];
        if (ref->source && ref->id) {
            fprintf(line_next(&line, ", "), "%s:%s", ref->source, ref->id);
        }
        if (ref->imdb) {
            fprintf(line_next(&line, ", "), "imdb:%s", ref->imdb);
        }
        if (ref->tmdb > 0) {
            fprintf(line_next(&line, ", "), "tmdb:%lld", (long long)ref->tmdb);
        }
        if (ref->douban) {
            fprintf(line_next(&line, ", "), "douban:%s", ref->douban);
        }
    }
    for (int32_t i = 0; i < card->film.n_links; i++) {
        fprintf(line_next(&line, ", "), "%s:%s", card->film.links[i].site,
                card->film.links[i].value);
    }
    line_end(&line, tr("Known as"));
}

static void print_counts(const struct reel_film_card *card)
{
    struct line line;
    line_begin(&line);
    if (card->n_ratings) {
        fprintf(line_next(&line, " · "), tr("%.2f stars from %lld ratings"),
                card->mean_stars, (long long)card->n_ratings);
    }
    if (card->n_watches) {
        fprintf(line_next(&line, " · "), tr("watched %lld times"),
                (long long)card->n_watches);
    }
    if (card->n_likes) {
        fprintf(line_next(&line, " · "), tr("liked by %lld"), (long long)card->n_likes);
    }
    if (card->film.n_votes > 0 && !isnan(card->film.vote_mean)) {
        fprintf(line_next(&line, " · "), tr("elsewhere %.1f of 10 from %lld votes"),
                card->film.vote_mean, (long long)card->film.n_votes);
    }
    line_end(&line, tr("Viewers"));
}

static void print_card(const struct cli *cli, int64_t key,
                       const struct reel_film_card *card)
{
    const struct reel_film *film = &card->film;
    print_names(cli, film);
    print_facts(film);
    print_people(film, REEL_ROLE_DIRECTOR, tr("Director"));
    print_people(film, REEL_ROLE_WRITER, tr("Writer"));
    print_people(film, REEL_ROLE_ACTOR, tr("Cast"));
    print_people(film, REEL_ROLE_OTHER, tr("Crew"));
    cli_card(LABEL_WIDTH, tr("Tagline"), film->tagline);
    cli_card(LABEL_WIDTH, tr("Plot"), film->overview);
    print_list(tr("Keywords"), film->keywords, film->n_keywords);
    print_list(tr("Tags"), card->tags, card->n_tags < 20 ? card->n_tags : 20);
    print_counts(card);
    for (int32_t i = 0; i < card->n_reviews_shown; i++) {
        cli_card(LABEL_WIDTH, i ? "" : tr("Reviews"), card->reviews[i]);
    }
    print_ids(card);
    char *text = cli_format("%lld", (long long)key);
    cli_card(LABEL_WIDTH, tr("Key"), text);
    free(text);
}

static enum cli_exit show_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {NULL, NULL, 1, N_WORDS, NULL};
    const char *word[N_WORDS];
    cli_args_parse(cli, &cmd_show, &args, argc, argv, word, NULL);
    char *name = cli_words_join(word, N_WORDS);

    struct reel_error err;
    struct session s;
    struct reel_film_card card = {0};
    int64_t key = 0;
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc : reel_store_film_find(s.store, name, &key, &err);
    rc = rc ? rc : reel_store_film_load(s.store, key, &card, &err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(card_json(key, &card));
    } else {
        print_card(cli, key, &card);
    }
    reel_film_card_release(&card);
    session_close(&s);
    free(name);
    return status;
}

const struct cli_command cmd_show = {
    .name = "show",
    .usage = "forkreel show [OPTION...] FILM",
    .summary = "one film with everything known of it",
    .run = show_run,
};
