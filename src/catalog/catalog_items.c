// Objects out of a file. JSON lines are read by line. An array, or one object over several
// lines, is cut by its brackets whatever its lines are: many writers put all on one. An
// object that lies in one block is parsed where it stands; only others are gathered first.

#include "catalog_items.h"

#include <string.h>

enum reel_status catalog_items_open(struct catalog_items *items, struct catalog_reader *r,
                                    int32_t i_member, struct reel_error *err)
{
    *items = (struct catalog_items){.r = r, .i_member = i_member};
    base_buffer_init(&items->item, (size_t)r->opt->max_line_bytes);
    catalog_json_cutter_init(&items->cutter);
    return catalog_input_open(r->source, i_member, &items->in, err);
}

void catalog_items_close(struct catalog_items *items)
{
    catalog_json_release(&items->row);
    base_buffer_release(&items->item);
    catalog_input_close(items->in);
    items->in = NULL;
}

enum reel_status catalog_items_refuse(struct catalog_items *items, const char *reason,
                                      struct reel_error *err)
{
    if (items->is_lines) {
        return catalog_refuse(items->r, err, "%s", reason);
    }
    return catalog_refuse(items->r, err, "item %lld: %s", (long long)items->n_items,
                          reason);
}

// The next line or block; `data` is NULL after the last.
static enum reel_status take_data(struct catalog_items *items, struct reel_error *err)
{
    enum reel_status rc;
    if (items->is_lines) {
        rc = catalog_input_line(items->in, &items->data, err);
        items->n_bytes = rc == REEL_OK && items->data ? strlen(items->data) : 0;
    } else {
        rc = catalog_input_chunk(items->in, &items->data, &items->n_bytes, err);
        items->data = rc == REEL_OK && items->n_bytes > 0 ? items->data : NULL;
    }
    return rc;
}

static enum reel_status out_of_memory(const struct catalog_items *items,
                                      struct reel_error *err)
{
    return fail(err, REEL_ENOMEM, "%s:%lld: out of memory for one item",
                items->r->where.file, (long long)items->r->where.line);
}

static void parse_item(struct catalog_items *items, const char *text, size_t n_bytes)
{
    catalog_json_release(&items->row);
    items->n_items++;
    if (!catalog_json_parse(&items->row, text, n_bytes)) {
        items->row.root = NULL;
    }
}

// The item just parsed: handed on when it is an object, refused when it is not.
static enum reel_status judge_item(struct catalog_items *items, struct catalog_json **row,
                                   struct reel_error *err)
{
    if (items->row.is_memory) {
        return out_of_memory(items, err);
    }
    if (items->row.is_not_utf8) {
        return catalog_fail(items->r, err, "not UTF-8 in item %lld",
                            (long long)items->n_items);
    }
    if (catalog_json_is_object(items->row.root)) {
        *row = &items->row;
        return REEL_OK;
    }
    return catalog_items_refuse(
        items, items->row.root ? "not a JSON object" : items->row.problem, err);
}

// ---- lines ----

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r")] == '\0';
}

// One of the JSON lines. A last line that breaks off is the file's fault, not the row's.
static enum reel_status next_line(struct catalog_items *items, struct catalog_json **row,
                                  struct reel_error *err)
{
    items->r->where = catalog_input_where(items->in);
    const char *line = items->data;
    items->data = NULL;
    if (is_blank(line)) {
        return REEL_OK;
    }
    parse_item(items, line, items->n_bytes);
    if (items->row.is_unfinished) {
        const enum reel_status rc = take_data(items, err);
        if (rc != REEL_OK) {
            return rc;
        }
        if (!items->data) {
            return catalog_fail(items->r, err, "the file ends inside an object");
        }
    }
    return judge_item(items, row, err);
}

// ---- an array, or one object ----

// What cannot stand there, as far as it can be shown.
static enum reel_status fail_at(const struct catalog_items *items, const char *text,
                                size_t n_bytes, struct reel_error *err)
{
    int n = 0;
    while (n < 12 && (size_t)n < n_bytes && text[n] >= ' ' && text[n] <= '~') {
        n++;
    }
    if (n == 0) {
        return catalog_fail(items->r, err, "not JSON at byte 0x%02X",
                            (unsigned char)*text);
    }
    return catalog_fail(items->r, err, "not JSON at \"%.*s\"", n, text);
}

// The next item, as far as this block goes.
static enum reel_status next_cut(struct catalog_items *items, struct catalog_json **row,
                                 struct reel_error *err)
{
    size_t begin = 0, taken = 0;
    const enum catalog_json_cut cut = catalog_json_cutter_feed(
        &items->cutter, items->data, items->n_bytes, &begin, &taken);
    const char *text = items->data + begin;
    const size_t n_bytes = taken > begin ? taken - begin : 0;
    enum reel_status rc = REEL_OK;
    items->r->where.line = items->cutter.line_item;
    if (cut == CATALOG_JSON_WRONG) {
        items->r->where.line = items->cutter.line;
        return fail_at(items, items->data + taken, items->n_bytes - taken, err);
    }
    if (n_bytes > items->item.max_bytes - items->item.n_bytes) {
        return catalog_fail(items->r, err, "an item of more than %zu bytes",
                            items->item.max_bytes);
    }
    if (n_bytes > 0 && (cut == CATALOG_JSON_MORE || items->item.n_bytes > 0) &&
        !base_buffer_add(&items->item, text, n_bytes)) {
        return out_of_memory(items, err);
    }
    if (cut == CATALOG_JSON_ITEM) {
        const bool is_gathered = items->item.n_bytes > 0;
        parse_item(items, is_gathered ? items->item.data : text,
                   is_gathered ? items->item.n_bytes : n_bytes);
        base_buffer_clear(&items->item);
        rc = judge_item(items, row, err);
    }
    items->n_bytes -= taken;
    items->data = items->n_bytes > 0 ? items->data + taken : NULL;
    return rc;
}

static enum reel_status at_end(struct catalog_items *items, struct reel_error *err)
{
    if (items->is_lines || items->cutter.is_done) {
        return REEL_OK;
    }
    items->r->where.line = items->cutter.line;
    return catalog_fail(items->r, err, "%s",
                        items->cutter.item_depth < 0 ? "no JSON in the file"
                                                     : "the JSON ends too early");
}

// ---- which of the two ----

static enum reel_status reopen(struct catalog_items *items, struct reel_error *err)
{
    catalog_input_close(items->in);
    items->in = NULL;
    items->data = NULL;
    return catalog_input_open(items->r->source, items->i_member, &items->in, err);
}

// Is the first line that is not blank a whole object?
static enum reel_status begin_lines(struct catalog_items *items, struct reel_error *err)
{
    struct catalog_json_cutter probe;
    enum reel_status rc;
    items->is_lines = true;
    do {
        rc = take_data(items, err);
    } while (rc == REEL_OK && items->data && is_blank(items->data));
    if (rc != REEL_OK || !items->data) {
        items->is_lines = false; // there is none
        return rc;
    }
    size_t begin, taken;
    catalog_json_cutter_init(&probe);
    items->is_lines = catalog_json_cutter_feed(&probe, items->data, items->n_bytes,
                                               &begin, &taken) == CATALOG_JSON_ITEM;
    return items->is_lines ? REEL_OK : reopen(items, err);
}

// An array shows in the first bytes; of an object the first line is looked at.
static enum reel_status begin(struct catalog_items *items, struct reel_error *err)
{
    items->has_begun = true;
    items->r->where = catalog_input_where(items->in);
    enum reel_status rc = take_data(items, err);
    if (rc != REEL_OK || !items->data) {
        return rc;
    }
    for (size_t i = 0; i < items->n_bytes; i++) {
        if (!strchr(" \t\r\n", items->data[i])) {
            if (items->data[i] == '[') {
                return REEL_OK;
            }
            break;
        }
    }
    rc = reopen(items, err);
    return rc ? rc : begin_lines(items, err);
}

enum reel_status catalog_items_next(struct catalog_items *items,
                                    struct catalog_json **row, struct reel_error *err)
{
    *row = NULL;
    enum reel_status rc = items->has_begun ? REEL_OK : begin(items, err);
    while (rc == REEL_OK && !*row) {
        if (!items->data) {
            rc = take_data(items, err);
            if (rc != REEL_OK || !items->data) {
                return rc ? rc : at_end(items, err);
            }
        }
        rc = items->is_lines ? next_line(items, row, err) : next_cut(items, row, err);
    }
    return rc;
}
