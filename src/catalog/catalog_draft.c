// Lists that double in an arena. A list has room for the next power of two of its length,
// so its length alone says when it must move.

#include "catalog_draft.h"

#include <string.h>

void catalog_draft_begin(struct catalog_draft *draft, struct base_arena *arena)
{
    *draft = (struct catalog_draft){.film = catalog_film_blank(), .arena = arena};
}

// The list with room for item `n`: itself, or a copy of twice the room. NULL without memory.
static void *grow(struct catalog_draft *draft, void *items, int32_t n, size_t item_bytes)
{
    if (n > 0 && (n < 4 || (n & (n - 1)) != 0)) {
        return items;
    }
    const size_t room = n < 4 ? 4 : 2 * (size_t)n;
    void *moved = base_arena_alloc(draft->arena, room, item_bytes);
    if (!moved) {
        draft->is_out_of_memory = true;
    } else if (n > 0) {
        memcpy(moved, items, (size_t)n * item_bytes);
    }
    return moved;
}

static bool is_said(const struct catalog_draft *draft, const char *text)
{
    return text && text[0] && !draft->is_out_of_memory;
}

static void add_text(struct catalog_draft *draft, const char ***items, int32_t *n,
                     const char *text)
{
    if (is_said(draft, text)) {
        *items = grow(draft, *items, *n, sizeof **items);
        if (*items) {
            (*items)[(*n)++] = text;
        }
    }
}

void catalog_draft_genre(struct catalog_draft *draft, const char *text)
{
    add_text(draft, &draft->genres, &draft->film.n_genres, text);
}

void catalog_draft_keyword(struct catalog_draft *draft, const char *text)
{
    add_text(draft, &draft->keywords, &draft->film.n_keywords, text);
}

void catalog_draft_country(struct catalog_draft *draft, const char *text)
{
    add_text(draft, &draft->countries, &draft->film.n_countries, text);
}

void catalog_draft_title(struct catalog_draft *draft, const char *text,
                         const char *language)
{
    if (!is_said(draft, text)) {
        return;
    }
    draft->titles =
        grow(draft, draft->titles, draft->film.n_titles, sizeof *draft->titles);
    if (draft->titles) {
        language = language ? language : catalog_title_language(text);
        draft->titles[draft->film.n_titles++] =
            (struct reel_title){.text = text, .language = language};
    }
}

void catalog_draft_person(struct catalog_draft *draft, const char *name,
                          enum reel_role role, const char *character)
{
    if (!is_said(draft, name)) {
        return;
    }
    draft->people =
        grow(draft, draft->people, draft->film.n_people, sizeof *draft->people);
    if (draft->people) {
        draft->people[draft->film.n_people++] = (struct reel_person){
            .name = name,
            .role = role,
            .character = character && character[0] ? character : NULL,
        };
    }
}

void catalog_draft_link(struct catalog_draft *draft, const char *site, const char *value)
{
    if (!is_said(draft, site) || !is_said(draft, value)) {
        return;
    }
    draft->links = grow(draft, draft->links, draft->film.n_links, sizeof *draft->links);
    if (draft->links) {
        draft->links[draft->film.n_links++] =
            (struct reel_link){.site = site, .value = value};
    }
}

const char *catalog_draft_keep(struct catalog_draft *draft, const char *text)
{
    const char *copy = text ? base_arena_strdup(draft->arena, text) : NULL;
    draft->is_out_of_memory |= text && !copy;
    return copy;
}

enum reel_status catalog_draft_emit(struct catalog_draft *draft, struct catalog_reader *r,
                                    struct reel_error *err)
{
    if (draft->is_out_of_memory) {
        return fail(err, REEL_ENOMEM, "%s:%lld: out of memory for one film",
                    r->where.file, (long long)r->where.line);
    }
    draft->film.titles = draft->titles;
    draft->film.genres = draft->genres;
    draft->film.keywords = draft->keywords;
    draft->film.countries = draft->countries;
    draft->film.people = draft->people;
    draft->film.links = draft->links;
    return catalog_film(r, &draft->film, err);
}

// Code point at *text, which is UTF-8; *text moves behind it.
static uint32_t next_character(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    const int n_more = p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
    uint32_t c = n_more ? p[0] & (0x3Fu >> n_more) : p[0];
    int i = 1;
    for (; i <= n_more && (p[i] & 0xC0) == 0x80; i++) {
        c = c << 6 | (p[i] & 0x3Fu);
    }
    *text += i;
    return c;
}

const char *catalog_title_language(const char *title)
{
    const char *language = NULL;
    while (*title) {
        const uint32_t c = next_character(&title);
        if (c >= 0x3041 && c <= 0x30FF && c != 0x30FB) { // kana; Chinese uses the dot too
            return "ja";
        }
        if ((c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF)) {
            return "ko";
        }
        if ((c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
            (c >= 0x20000 && c <= 0x3FFFF)) {
            language = "zh"; // unless kana follow
        }
    }
    return language;
}
