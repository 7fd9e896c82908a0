// .nfo files beside films, as Kodi and Jellyfin write them: one film each, alone or in a
// tree of folders. This is the one file here that sees libxml2.
//
// What they say of a viewer (userrating, playcount, lastplayed, isuserfavorite) belongs to
// one person, so it is read only when the caller names that person. A file of a show, a
// season or an episode is passed over. An address of the film may stand after the XML or
// instead of it. A document type is refused unread: no entity is ever declared, nothing is
// loaded. A broken file in a tree is a refused row; alone, it is an error.
//
// Source: VideoInfoTag.cpp (Kodi), BaseNfoSaver.cs (Jellyfin), for the names of elements.

#include "catalog_draft.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILE_MAX_BYTES = 4 << 20 };

struct nfo {
    struct catalog_reader *r;
    struct catalog_draft draft;
    const char *date, *outline; // used where year, plot are missing
    const char *user_rating, *last_played;
    int64_t n_plays;
    bool is_watched, is_favorite;
    double position_s, total_s; // of a film left half-way; NAN unknown
    char problem[256];
};

static void complain(struct nfo *nfo, const char *element, const char *value)
{
    if (!nfo->problem[0]) {
        snprintf(nfo->problem, sizeof nfo->problem, "%s: %.100s", element, value);
    }
}

// ---- elements ----

static bool is_element(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

// All text in an element, trimmed, in the arena; NULL when there is none.
static const char *text_of(struct nfo *nfo, xmlNode *element)
{
    xmlChar *content = xmlNodeGetContent(element);
    const char *kept = NULL;
    if (content) {
        const char *text = catalog_trim((char *)content);
        kept = text[0] ? catalog_draft_keep(&nfo->draft, text) : NULL;
        xmlFree(content);
    }
    return kept;
}

static const char *attribute_of(struct nfo *nfo, xmlNode *element, const char *name)
{
    xmlChar *value = xmlGetNoNsProp(element, (const xmlChar *)name);
    const char *kept =
        value ? catalog_draft_keep(&nfo->draft, (const char *)value) : NULL;
    xmlFree(value);
    return kept;
}

static const char *child_text(struct nfo *nfo, const xmlNode *element, const char *name)
{
    for (xmlNode *child = element->children; child; child = child->next) {
        if (is_element(child, name)) {
            return text_of(nfo, child);
        }
    }
    return NULL;
}

static double decimal(struct nfo *nfo, const char *element, const char *text)
{
    double value = NAN;
    if (text && !catalog_parse_decimal(text, &value)) {
        complain(nfo, element, text);
    }
    return value;
}

typedef void add_text_call(struct catalog_draft *draft, const char *text);

// "Drama / War" in one element, as older writers have it.
static void add_parts(struct nfo *nfo, const char *text, add_text_call *add)
{
    while (text) {
        const char *end = strstr(text, " / ");
        char *part = base_arena_strndup(nfo->draft.arena, text,
                                        end ? (size_t)(end - text) : strlen(text));
        nfo->draft.is_out_of_memory |= !part;
        if (part) {
            add(&nfo->draft, catalog_trim(part));
        }
        text = end ? end + 3 : NULL;
    }
}

static void add_id(struct nfo *nfo, const char *type, const char *text)
{
    struct reel_film_ref *ref = &nfo->draft.film.ref;
    char imdb[16];
    if (!text) {
        return;
    }
    if (strcasecmp(type, "imdb") == 0) {
        if (catalog_parse_imdb(text, imdb)) {
            ref->imdb = catalog_draft_keep(&nfo->draft, imdb);
        } else {
            complain(nfo, "imdb id", text);
        }
    } else if (strcasecmp(type, "tmdb") == 0) {
        if (!catalog_parse_int(text, &ref->tmdb) || ref->tmdb <= 0) {
            complain(nfo, "tmdb id", text);
        }
    } else if (strcasecmp(type, "douban") == 0) {
        if (text[strspn(text, "0123456789")] == '\0') {
            ref->douban = text;
        } else {
            complain(nfo, "douban id", text);
        }
    } else if (type[0]) {
        catalog_draft_link(&nfo->draft, type, text);
    }
}

static void take_rating(struct nfo *nfo, xmlNode *element)
{
    const char *max_text = attribute_of(nfo, element, "max");
    const double max = max_text ? decimal(nfo, "rating max", max_text) : 10;
    const char *value_text = child_text(nfo, element, "value");
    value_text = value_text ? value_text : text_of(nfo, element);
    const double value = decimal(nfo, "rating", value_text) * 10 / max;
    if (isnan(value) || value == 0) {
        return;
    }
    if (value < 0 || value > 10) {
        complain(nfo, "rating", value_text);
        return;
    }
    nfo->draft.film.vote_mean = value;
    const double n_votes = decimal(nfo, "votes", child_text(nfo, element, "votes"));
    nfo->draft.film.n_votes = n_votes > 0 && n_votes < 1e15 ? (int64_t)n_votes : 0;
}

// The default rating of <ratings>, else the first one.
static void take_ratings(struct nfo *nfo, const xmlNode *ratings)
{
    xmlNode *chosen = NULL;
    for (xmlNode *child = ratings->children; child; child = child->next) {
        if (is_element(child, "rating")) {
            const char *is_default = attribute_of(nfo, child, "default");
            if (!chosen || (is_default && strcmp(is_default, "true") == 0)) {
                chosen = child;
            }
        }
    }
    if (chosen) {
        take_rating(nfo, chosen);
    }
}

static void take_actor(struct nfo *nfo, const xmlNode *actor)
{
    catalog_draft_person(&nfo->draft, child_text(nfo, actor, "name"), REEL_ROLE_ACTOR,
                         child_text(nfo, actor, "role"));
}

static void take_set(struct nfo *nfo, xmlNode *set)
{
    const char *name = child_text(nfo, set, "name");
    catalog_draft_keyword(&nfo->draft, name ? name : text_of(nfo, set));
}

// Elements that are more than one text.
static bool take_structure(struct nfo *nfo, xmlNode *element)
{
    if (is_element(element, "ratings")) {
        take_ratings(nfo, element);
    } else if (is_element(element, "rating")) {
        take_rating(nfo, element);
    } else if (is_element(element, "actor")) {
        take_actor(nfo, element);
    } else if (is_element(element, "set")) {
        take_set(nfo, element);
    } else if (is_element(element, "uniqueid")) {
        const char *type = attribute_of(nfo, element, "type");
        add_id(nfo, type ? type : "", text_of(nfo, element));
    } else if (is_element(element, "resume")) {
        nfo->position_s =
            decimal(nfo, "resume position", child_text(nfo, element, "position"));
        nfo->total_s = decimal(nfo, "resume total", child_text(nfo, element, "total"));
    } else {
        return false;
    }
    return true;
}

static bool take_list(struct nfo *nfo, const char *name, const char *text)
{
    if (strcmp(name, "genre") == 0) {
        add_parts(nfo, text, catalog_draft_genre);
    } else if (strcmp(name, "country") == 0) {
        add_parts(nfo, text, catalog_draft_country);
    } else if (strcmp(name, "tag") == 0) {
        catalog_draft_keyword(&nfo->draft, text);
    } else if (strcmp(name, "director") == 0) {
        catalog_draft_person(&nfo->draft, text, REEL_ROLE_DIRECTOR, NULL);
    } else if (strcmp(name, "credits") == 0 || strcmp(name, "writer") == 0) {
        catalog_draft_person(&nfo->draft, text, REEL_ROLE_WRITER, NULL);
    } else if (strcmp(name, "imdbid") == 0 || strcmp(name, "imdb_id") == 0) {
        add_id(nfo, "imdb", text);
    } else if (strcmp(name, "tmdbid") == 0) {
        add_id(nfo, "tmdb", text);
    } else if (strcmp(name, "doubanid") == 0) {
        add_id(nfo, "douban", text);
    } else if (strcmp(name, "id") == 0 && strncmp(text, "tt", 2) == 0) {
        add_id(nfo, "imdb", text);
    } else {
        return false;
    }
    return true;
}

static void take_number(struct nfo *nfo, const char *name, const char *text)
{
    struct reel_film *film = &nfo->draft.film;
    if (strcmp(name, "year") == 0) {
        if (!catalog_parse_year(text, &film->ref.year) && strcmp(text, "0") != 0) {
            complain(nfo, "year", text);
        }
    } else if (strcmp(name, "runtime") == 0) {
        const long minutes = strtol(text, NULL, 10); // "136" or "136 min"
        if (minutes < 0 || minutes > 100000 || text[0] < '0' || text[0] > '9') {
            complain(nfo, "runtime", text);
        } else {
            film->runtime_min = (int32_t)minutes;
        }
    } else if (strcmp(name, "votes") == 0) {
        const double n_votes = decimal(nfo, "votes", text);
        film->n_votes = n_votes > 0 && n_votes < 1e15 ? (int64_t)n_votes : 0;
    } else if (strcmp(name, "playcount") == 0) {
        if (!catalog_parse_int(text, &nfo->n_plays)) {
            complain(nfo, "playcount", text);
        }
    } else if (strcmp(name, "watched") == 0) {
        nfo->is_watched = strcasecmp(text, "true") == 0;
    } else if (strcmp(name, "isuserfavorite") == 0) {
        nfo->is_favorite = strcasecmp(text, "true") == 0;
    }
}

static void take_element(struct nfo *nfo, xmlNode *element)
{
    struct reel_film *film = &nfo->draft.film;
    const struct {
        const char *name, **to;
    } plain[] = {
        {"title", &film->ref.title},       {"originaltitle", &film->title_original},
        {"plot", &film->overview},         {"outline", &nfo->outline},
        {"tagline", &film->tagline},       {"mpaa", &film->age_rating},
        {"premiered", &nfo->date},         {"releasedate", &nfo->date},
        {"userrating", &nfo->user_rating}, {"lastplayed", &nfo->last_played},
    };
    if (element->type != XML_ELEMENT_NODE || take_structure(nfo, element)) {
        return;
    }
    const char *name = (const char *)element->name;
    const char *text = text_of(nfo, element);
    if (!text) {
        return;
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(name, plain[i].name) == 0) {
            *plain[i].to = text;
            return;
        }
    }
    if (!take_list(nfo, name, text)) {
        take_number(nfo, name, text);
    }
}

// ---- what the viewer did ----

static enum reel_status emit_event(struct nfo *nfo, enum reel_event_kind kind,
                                   double value, int64_t at_s, struct reel_error *err)
{
    struct reel_event event = catalog_event_blank();
    event.kind = kind;
    event.viewer = nfo->r->opt->viewer;
    event.film = nfo->draft.film.ref;
    event.value = value;
    event.at_s = at_s;
    return catalog_event(nfo->r, &event, err);
}

static enum reel_status emit_watch(struct nfo *nfo, struct reel_error *err)
{
    const bool is_watched = nfo->n_plays > 0 || nfo->is_watched;
    const double share = nfo->position_s / nfo->total_s;
    const bool is_begun = share > 0 && share <= 1; // false when either is unknown
    int64_t at_s = REEL_TIME_UNKNOWN;
    // The first day that Windows can name stands for "never".
    if (nfo->last_played && strncmp(nfo->last_played, "1601-01-01", 10) != 0) {
        const char *reason = catalog_read_time(nfo->r, nfo->last_played, &at_s);
        if (reason) {
            return catalog_refuse(nfo->r, err, "lastplayed: %s, %.40s", reason,
                                  nfo->last_played);
        }
    }
    if (!is_watched && !is_begun && at_s == REEL_TIME_UNKNOWN) {
        return REEL_OK;
    }
    return emit_event(nfo, REEL_EVENT_WATCH, is_watched || !is_begun ? NAN : share, at_s,
                      err);
}

static enum reel_status emit_rating(struct nfo *nfo, struct reel_error *err)
{
    double stars;
    if (!nfo->user_rating ||
        (catalog_parse_decimal(nfo->user_rating, &stars) && stars == 0)) {
        return REEL_OK;
    }
    const char *reason = catalog_read_stars(nfo->user_rating, 10, &stars);
    if (reason) {
        return catalog_refuse(nfo->r, err, "userrating: %s, %.40s", reason,
                              nfo->user_rating);
    }
    return emit_event(nfo, REEL_EVENT_RATE, stars, REEL_TIME_UNKNOWN, err);
}

// ---- one film ----

// A file has no id of its own: the first that it knows from elsewhere stands for it.
static void set_id(struct nfo *nfo)
{
    struct reel_film_ref *ref = &nfo->draft.film.ref;
    char text[64];
    if (ref->imdb) {
        snprintf(text, sizeof text, "imdb:%s", ref->imdb);
    } else if (ref->tmdb) {
        snprintf(text, sizeof text, "tmdb:%lld", (long long)ref->tmdb);
    } else if (ref->douban) {
        snprintf(text, sizeof text, "douban:%.20s", ref->douban);
    } else {
        return;
    }
    ref->id = catalog_draft_keep(&nfo->draft, text);
    ref->source = "nfo";
}

static enum reel_status emit(struct nfo *nfo, struct reel_error *err)
{
    struct reel_film *film = &nfo->draft.film;
    if (film->ref.year == REEL_YEAR_UNKNOWN && nfo->date) {
        (void)catalog_parse_year(nfo->date, &film->ref.year);
    }
    film->overview = film->overview ? film->overview : nfo->outline;
    set_id(nfo);
    if (film->age_rating && strncasecmp(film->age_rating, "Rated ", 6) == 0) {
        film->age_rating += 6;
    }
    if (!film->ref.id && !film->ref.title) {
        complain(nfo, "movie", "neither title nor id");
    }
    if (nfo->problem[0]) {
        return catalog_refuse(nfo->r, err, "%s", nfo->problem);
    }
    enum reel_status rc = catalog_draft_emit(&nfo->draft, nfo->r, err);
    if (rc != REEL_OK || !nfo->r->opt->viewer) {
        return rc;
    }
    rc = emit_watch(nfo, err);
    rc = rc ? rc : emit_rating(nfo, err);
    if (rc == REEL_OK && nfo->is_favorite) {
        rc = emit_event(nfo, REEL_EVENT_LIKE, NAN, REEL_TIME_UNKNOWN, err);
    }
    return rc;
}

// A film file that cannot be taken: one of many is passed over, the only one is an error.
static enum reel_status refuse_file(struct catalog_reader *r, const char *what,
                                    struct reel_error *err)
{
    return catalog_source_is_file(r->source) ? catalog_fail(r, err, "%s", what)
                                             : catalog_refuse(r, err, "%s", what);
}

static void stop_at_document_type(void *context, const xmlChar *name,
                                  const xmlChar *external, const xmlChar *system)
{
    (void)name, (void)external, (void)system;
    xmlParserCtxt *parser = context;
    *(bool *)parser->_private = true;
    xmlStopParser(parser);
}

static enum reel_status read_xml(struct nfo *nfo, const char *text, size_t n_bytes,
                                 struct reel_error *err)
{
    enum {
        OPTIONS =
            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA
    };
    bool has_document_type = false;
    enum reel_status rc = REEL_OK;
    xmlDoc *doc = NULL;
    xmlParserCtxt *parser = xmlNewParserCtxt();
    if (!parser) {
        return fail(err, REEL_ENOMEM, "%s: out of memory for its XML",
                    nfo->r->where.file);
    }
    parser->_private = &has_document_type;
    parser->sax->internalSubset = stop_at_document_type;
    doc = xmlCtxtReadMemory(parser, text, (int)n_bytes, NULL, NULL, OPTIONS);
    if (has_document_type) {
        rc = refuse_file(nfo->r, "a document type, which may hide anything", err);
    } else if (!doc) {
        const xmlError *why = xmlCtxtGetLastError(parser);
        char what[200] = "not XML";
        if (why && why->message) {
            nfo->r->where.line = why->line;
            snprintf(what, sizeof what, "not XML: %.*s", (int)strcspn(why->message, "\n"),
                     why->message);
        }
        rc = refuse_file(nfo->r, what, err);
    } else {
        const xmlNode *root = xmlDocGetRootElement(doc);
        if (is_element(root, "movie")) {
            nfo->r->where.line = xmlGetLineNo(root);
            for (xmlNode *child = root->children; child; child = child->next) {
                take_element(nfo, child);
            }
            rc = emit(nfo, err);
        } else if (catalog_source_is_file(nfo->r->source)) {
            rc = catalog_fail(nfo->r, err, "<%.40s>, not <movie>",
                              (const char *)root->name);
        }
    }
    xmlFreeDoc(doc);
    xmlFreeParserCtxt(parser);
    return rc;
}

// ---- addresses ----

// Digits behind `site` in the text, in the arena; NULL when it is not there.
static const char *id_behind(struct nfo *nfo, const char *text, const char *site)
{
    const char *at = strstr(text, site);
    const size_t n = at ? strspn(at + strlen(site), "0123456789") : 0;
    if (n == 0 || n > 18) {
        return NULL;
    }
    const char *id = base_arena_strndup(nfo->draft.arena, at + strlen(site), n);
    nfo->draft.is_out_of_memory |= !id;
    return id;
}

// A text without XML, or what stands behind it.
static bool take_addresses(struct nfo *nfo, const char *text)
{
    struct reel_film_ref *ref = &nfo->draft.film.ref;
    const char *imdb = strstr(text, "imdb.com/title/tt");
    char id[16];
    if (imdb && catalog_parse_imdb(imdb + strlen("imdb.com/title/"), id)) {
        ref->imdb = catalog_draft_keep(&nfo->draft, id);
    }
    const char *tmdb = id_behind(nfo, text, "themoviedb.org/movie/");
    if (tmdb) {
        (void)catalog_parse_int(tmdb, &ref->tmdb);
    }
    const char *douban = id_behind(nfo, text, "movie.douban.com/subject/");
    ref->douban = douban ? douban : ref->douban;
    return imdb || tmdb || douban;
}

// Where the XML ends: behind the last "</movie>", else at the end of the text.
static char *end_of_xml(char *text, size_t n_bytes)
{
    char *end = NULL;
    for (char *p = text; (p = strstr(p, "</movie")); p++) {
        end = strchr(p, '>');
    }
    return end ? end + 1 : text + n_bytes;
}

static enum reel_status read_file(struct catalog_reader *r, int32_t i_member,
                                  struct reel_error *err)
{
    struct nfo nfo = {.r = r, .position_s = NAN, .total_s = NAN};
    struct catalog_input *in = NULL;
    struct reel_error why = {0};
    char *text = NULL;
    size_t n_bytes = 0;
    enum reel_status rc = catalog_input_open(r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    r->where = catalog_input_where(in);
    catalog_draft_begin(&nfo.draft, &r->row);
    rc = catalog_input_all(in, FILE_MAX_BYTES, &text, &n_bytes, &why);
    if (rc == REEL_EFORMAT && !catalog_source_is_file(r->source)) {
        rc = catalog_refuse(r, err, "%s", why.text);
    } else if (rc != REEL_OK) {
        rc = fail(err, rc, "%s", why.text);
    } else if (memchr(text, '<', n_bytes < 256 ? n_bytes : 256)) {
        char *end = end_of_xml(text, n_bytes);
        (void)take_addresses(&nfo, end); // the XML is read after it and has the last word
        rc = read_xml(&nfo, text, (size_t)(end - text), err);
    } else if (take_addresses(&nfo, text)) {
        rc = emit(&nfo, err);
    } else {
        rc = refuse_file(r, "neither XML nor the address of a film", err);
    }
    base_arena_clear(&r->row);
    catalog_input_close(in);
    return rc;
}

enum reel_status catalog_nfo_read(struct catalog_reader *r, struct reel_error *err)
{
    xmlInitParser();
    if (catalog_source_is_file(r->source)) {
        return read_file(r, 0, err);
    }
    int32_t n_read = 0;
    for (int32_t i = 0; i < catalog_source_n(r->source); i++) {
        if (fnmatch("*.nfo", catalog_source_member(r->source, i), FNM_CASEFOLD) == 0) {
            const enum reel_status rc = read_file(r, i, err);
            if (rc != REEL_OK) {
                return rc;
            }
            n_read++;
        }
    }
    if (n_read == 0) {
        return fail(err, REEL_EFORMAT, "%s: no .nfo file in it",
                    catalog_source_path(r->source));
    }
    return REEL_OK;
}
