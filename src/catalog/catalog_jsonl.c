// `jsonl`: one JSON object a line (an array of objects will do), with the fields of
// catalog_fields.h as members. --map MEMBER=FIELD goes first, then members called as a
// field is, then the names that columns have elsewhere. A list is taken where several make
// sense: tags, genres, people, keywords. Members that are no field are passed over.

#include "catalog_fields.h"
#include "catalog_items.h"

#include "base_buffer.h"

#include <string.h>

enum claim { CLAIM_NONE, CLAIM_GUESSED, CLAIM_NAMED, CLAIM_MAPPED };

static enum reel_status check_map(const struct reel_read_options *opt,
                                  struct reel_error *err)
{
    for (int32_t i = 0; i < opt->n_map; i++) {
        const char *field = opt->map[i].field;
        if (catalog_field_by_name(field) == CATALOG_FIELD_NONE &&
            strcmp(field, "-") != 0) {
            return fail(err, REEL_EINVAL, "no field \"%s\"; there are %s", field,
                        catalog_field_names());
        }
    }
    return REEL_OK;
}

// Field of a member, and how sure that is; NONE when it is to be passed over.
static enum catalog_field field_of(const struct reel_read_options *opt,
                                   const char *member, enum claim *claim)
{
    for (int32_t i = 0; i < opt->n_map; i++) {
        if (strcmp(opt->map[i].column, member) == 0) {
            *claim = CLAIM_MAPPED;
            return catalog_field_by_name(opt->map[i].field);
        }
    }
    const enum catalog_field named = catalog_field_by_name(member);
    *claim = named == CATALOG_FIELD_NONE ? CLAIM_GUESSED : CLAIM_NAMED;
    return named == CATALOG_FIELD_NONE ? catalog_field_guess(member) : named;
}

// The items of a list of tags with bars between; NULL with a problem set.
static char *join_list(struct catalog_json *row, const char *member,
                       const struct json_t *list, struct base_arena *arena)
{
    struct base_buffer joined;
    char number[40];
    char *text = NULL;
    base_buffer_init(&joined, 1 << 20);
    for (size_t i = 0; i < catalog_json_n(list); i++) {
        const char *item =
            catalog_json_scalar(catalog_json_item(list, i), number, sizeof number);
        if (!item) {
            catalog_json_complain(row, "%s: item %zu is neither text nor number", member,
                                  i + 1);
            goto done;
        }
        if ((i > 0 && !base_buffer_add_char(&joined, '|')) ||
            !base_buffer_add_text(&joined, item)) {
            row->is_memory = true;
            goto done;
        }
    }
    text = base_arena_strdup(arena, base_buffer_text(&joined));
    row->is_memory |= !text;
done:
    base_buffer_release(&joined);
    return text;
}

static char *text_of(struct catalog_json *row, enum catalog_field field,
                     const char *member, const struct json_t *value,
                     struct base_arena *arena)
{
    char number[40];
    if (catalog_field_is_list(field) && catalog_json_is_array(value)) {
        return join_list(row, member, value, arena);
    }
    const char *scalar = catalog_json_scalar(value, number, sizeof number);
    if (!scalar) {
        catalog_json_complain(row, "%s: an %s where a value should be", member,
                              catalog_json_is_array(value) ? "array" : "object");
        return NULL;
    }
    char *text = base_arena_strdup(arena, scalar);
    row->is_memory |= !text;
    return text;
}

/** Is a description written as values? Many files have objects there, which say more. */
static bool is_plain(const struct json_t *value)
{
    char number[40];
    for (size_t i = 0; catalog_json_is_array(value) && i < catalog_json_n(value); i++) {
        if (!catalog_json_scalar(catalog_json_item(value, i), number, sizeof number)) {
            return false;
        }
    }
    return catalog_json_is_array(value) ||
           catalog_json_scalar(value, number, sizeof number);
}

static void read_members(const struct reel_read_options *opt, struct catalog_json *row,
                         struct base_arena *arena, struct catalog_fields *fields)
{
    enum claim claims[CATALOG_N_FIELDS] = {CLAIM_NONE};
    for (void *at = catalog_json_first(row->root); at;
         at = catalog_json_next(row->root, at)) {
        const char *member = catalog_json_key(at);
        const struct json_t *value = catalog_json_member(row->root, member);
        enum claim claim;
        const enum catalog_field field = field_of(opt, member, &claim);
        if (value && field != CATALOG_FIELD_NONE && claim > claims[field] &&
            (field < CATALOG_FIELD_GENRES || claim == CLAIM_MAPPED || is_plain(value))) {
            claims[field] = claim;
            fields->text[field] = text_of(row, field, member, value, arena);
            fields->is_list[field] = catalog_json_is_array(value);
        }
    }
}

static enum reel_status read_objects(struct catalog_reader *r, int32_t i_member,
                                     struct reel_error *err)
{
    struct catalog_items items;
    struct catalog_json *row = NULL;
    enum reel_status rc = catalog_items_open(&items, r, i_member, err);
    while (rc == REEL_OK && (rc = catalog_items_next(&items, &row, err)) == REEL_OK &&
           row) {
        struct catalog_fields fields = {0};
        read_members(r->opt, row, &r->row, &fields);
        if (row->is_memory) {
            rc = fail(err, REEL_ENOMEM, "%s:%lld: out of memory for one item",
                      r->where.file, (long long)r->where.line);
        } else if (row->problem[0]) {
            rc = catalog_items_refuse(&items, row->problem, err);
        } else {
            rc = catalog_fields_emit(r, &fields, err);
        }
        base_arena_clear(&r->row);
    }
    catalog_items_close(&items);
    return rc;
}

enum reel_status catalog_jsonl_read(struct catalog_reader *r, struct reel_error *err)
{
    enum reel_status rc = check_map(r->opt, err);
    if (rc != REEL_OK || catalog_source_is_file(r->source)) {
        return rc ? rc : read_objects(r, 0, err);
    }
    static const char *const patterns[] = {"*.jsonl", "*.ndjson", "*.json"};
    int32_t n_read = 0;
    for (size_t k = 0; k < sizeof patterns / sizeof patterns[0]; k++) {
        int32_t i = -1;
        while ((i = catalog_source_find(r->source, patterns[k], i + 1)) >= 0) {
            rc = read_objects(r, i, err);
            if (rc != REEL_OK) {
                return rc;
            }
            n_read++;
        }
    }
    return n_read > 0 ? REEL_OK
                      : fail(err, REEL_EFORMAT, "%s: no .jsonl, .ndjson or .json in it",
                             catalog_source_path(r->source));
}
