// The catalogue that comes with Forkreel: one JSON document for each film (docs/catalogue.md),
// with names, facts, characters and beats in English and Chinese. The document itself is kept as
// the film's story; what a film record holds (titles, people, genres, ...) is read off it here.
// Whether characters and beats are sound is for the room that tells stories to say; here they
// must only be there.

#include "catalog_draft.h"
#include "catalog_items.h"

#include <string.h>

// Member `key` of an object of two languages: {"en": ..., "zh": ...}.
static const char *in_language(struct catalog_json *row, const struct json_t *object,
                               const char *language)
{
    return catalog_json_text(row, object, language);
}

static void add_people(struct catalog_json *row, const struct json_t *film,
                       const char *key, enum reel_role role, struct catalog_draft *draft)
{
    static const char *const languages[] = {"en", "zh"};
    const struct json_t *people = catalog_json_array(row, film, key);
    // A person is found by either name; those of one language stand together.
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < catalog_json_n(people); i++) {
            const struct json_t *person = catalog_json_item(people, i);
            const char *as = catalog_json_text(row, person, "as"), *character = NULL;
            const struct json_t *characters = catalog_json_array(row, film, "characters");
            for (size_t c = 0; as && c < catalog_json_n(characters); c++) {
                const struct json_t *one = catalog_json_item(characters, c);
                const char *id = catalog_json_text(row, one, "id");
                if (id && strcmp(id, as) == 0) {
                    character = in_language(row, catalog_json_object(row, one, "name"),
                                            languages[l]);
                }
            }
            catalog_draft_person(draft, in_language(row, person, languages[l]), role,
                                 character);
        }
    }
}

static void add_list(struct catalog_json *row, const struct json_t *object,
                     const char *key, struct catalog_draft *draft,
                     void (*add)(struct catalog_draft *draft, const char *text))
{
    const struct json_t *list = catalog_json_array(row, object, key);
    for (size_t i = 0; i < catalog_json_n(list); i++) {
        add(draft, catalog_json_string(catalog_json_item(list, i)));
    }
}

// The beats in English, one blank between; NULL where there is none or no memory.
static const char *synopsis(struct catalog_json *row, const struct json_t *film,
                            struct catalog_draft *draft)
{
    struct base_buffer text;
    base_buffer_init(&text, 1 << 20);
    const struct json_t *beats = catalog_json_array(row, film, "beats");
    for (size_t i = 0; i < catalog_json_n(beats); i++) {
        const char *beat = in_language(row, catalog_json_item(beats, i), "en");
        if (beat && !base_buffer_print(&text, "%s%s", text.n_bytes ? " " : "", beat)) {
            draft->is_out_of_memory = true;
        }
    }
    const char *kept =
        text.n_bytes ? catalog_draft_keep(draft, base_buffer_text(&text)) : NULL;
    base_buffer_release(&text);
    return kept;
}

// The name by which MovieLens knows the film, else the file's own name.
static void read_ref(struct catalog_reader *r, struct catalog_json *row,
                     const struct json_t *film, struct catalog_draft *draft)
{
    struct reel_film_ref *ref = &draft->film.ref;
    const struct json_t *ids = catalog_json_object(row, film, "ids");
    ref->id = catalog_json_text(row, ids, "ml-100k");
    ref->source = "ml-100k";
    if (!ref->id) {
        const char *slash = strrchr(r->where.file, '/');
        const char *base = slash ? slash + 1 : r->where.file;
        ref->source = "catalogue";
        ref->id = base_arena_strndup(draft->arena, base, strcspn(base, "."));
        draft->is_out_of_memory |= !ref->id;
    }
    const char *imdb = catalog_json_text(row, ids, "imdb");
    char id[16];
    if (imdb && catalog_parse_imdb(imdb, id)) {
        ref->imdb = catalog_draft_keep(draft, id);
    } else if (imdb) {
        catalog_json_complain(row, "ids.imdb: %.60s is not an IMDb id", imdb);
    }
}

static void read_film(struct catalog_reader *r, struct catalog_json *row,
                      struct catalog_draft *draft)
{
    const struct json_t *root = row->root;
    struct reel_film *film = &draft->film;
    if (catalog_json_int(row, root, "forkreel_film", 0, INT32_MAX, 0) != 1) {
        catalog_json_complain(row, "forkreel_film is not 1: no document of a film");
    }
    read_ref(r, row, root, draft);
    const struct json_t *title = catalog_json_object(row, root, "title");
    const char *en = in_language(row, title, "en"), *zh = in_language(row, title, "zh");
    film->ref.title = en ? en : zh;
    film->title_original = in_language(row, title, "original");
    film->ref.year =
        (int32_t)catalog_json_int(row, root, "year", 1870, 2100, REEL_YEAR_UNKNOWN);
    film->language = catalog_json_text(row, root, "language");
    film->age_rating = catalog_json_text(row, root, "age_rating");
    film->runtime_min = (int32_t)catalog_json_int(row, root, "runtime_min", 0, 100000, 0);
    film->overview = synopsis(row, root, draft);
    catalog_draft_title(draft, en, "en");
    catalog_draft_title(draft, zh, "zh");
    add_list(row, root, "genres", draft, catalog_draft_genre);
    add_list(row, root, "countries", draft, catalog_draft_country);
    const struct json_t *keywords = catalog_json_object(row, root, "keywords");
    add_list(row, keywords, "en", draft, catalog_draft_keyword);
    add_list(row, keywords, "zh", draft, catalog_draft_keyword);
    add_people(row, root, "directors", REEL_ROLE_DIRECTOR, draft);
    add_people(row, root, "cast", REEL_ROLE_ACTOR, draft);
    if (!film->ref.title) {
        catalog_json_complain(row, "title: neither en nor zh");
    }
    if (catalog_json_n(catalog_json_array(row, root, "characters")) == 0) {
        catalog_json_complain(row, "characters: there are none");
    }
    if (catalog_json_n(catalog_json_array(row, root, "beats")) == 0) {
        catalog_json_complain(row, "beats: there are none");
    }
}

static enum reel_status read_item(struct catalog_items *items, struct catalog_json *row,
                                  struct reel_error *err)
{
    struct catalog_reader *r = items->r;
    struct catalog_draft draft;
    catalog_draft_begin(&draft, &r->row);
    read_film(r, row, &draft);
    if (row->problem[0]) {
        return catalog_items_refuse(items, row->problem, err);
    }
    char *story = catalog_json_write(row->root);
    draft.film.story = story;
    const enum reel_status rc = story ? catalog_draft_emit(&draft, r, err)
                                      : catalog_fail(r, err, "out of memory");
    catalog_json_text_free(story);
    return rc;
}

enum reel_status catalog_catalogue_read(struct catalog_reader *r, struct reel_error *err)
{
    int32_t n_read = 0;
    enum reel_status rc = REEL_OK;
    const bool is_file = catalog_source_is_file(r->source);
    for (int32_t i = is_file ? 0 : catalog_source_find(r->source, "*.json", 0);
         rc == REEL_OK && i >= 0 && i < catalog_source_n(r->source);
         i = catalog_source_find(r->source, "*.json", i + 1)) {
        struct catalog_items items;
        struct catalog_json *row = NULL;
        rc = catalog_items_open(&items, r, i, err);
        while (rc == REEL_OK && (rc = catalog_items_next(&items, &row, err)) == REEL_OK &&
               row) {
            rc = read_item(&items, row, err);
            base_arena_clear(&r->row);
        }
        catalog_items_close(&items);
        n_read++;
        if (is_file) {
            break;
        }
    }
    if (rc == REEL_OK && n_read == 0) {
        rc = fail(err, REEL_EFORMAT, "%s: no film of a catalogue (*.json) in it",
                  catalog_source_path(r->source));
    }
    return rc;
}
