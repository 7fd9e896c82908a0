// Objects out of lines. An object that lies on one line is parsed where it stands; only one
// that spans lines is gathered first.

#include "catalog_items.h"

#include <string.h>

enum reel_status catalog_items_open(struct catalog_items *items, struct catalog_reader *r,
                                    int32_t i_member, struct reel_error *err)
{
    *items = (struct catalog_items){.r = r};
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

static enum reel_status take_line(struct catalog_items *items, struct reel_error *err)
{
    const enum reel_status rc = catalog_input_line(items->in, &items->line, err);
    if (rc == REEL_OK && items->line) {
        items->n_line_bytes = strlen(items->line);
        items->line_number = catalog_input_where(items->in).line;
    }
    return rc;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r")] == '\0';
}

static enum reel_status out_of_memory(const struct catalog_items *items,
                                      struct reel_error *err)
{
    return fail(err, REEL_ENOMEM, "%s:%lld: out of memory for one item",
                items->r->where.file, (long long)items->r->where.line);
}

// The item just parsed: handed on when it is an object, refused when it is not.
static enum reel_status judge_item(struct catalog_items *items, struct catalog_json **row,
                                   struct reel_error *err)
{
    if (items->row.is_memory) {
        return out_of_memory(items, err);
    }
    if (catalog_json_is_object(items->row.root)) {
        *row = &items->row;
        return REEL_OK;
    }
    return catalog_items_refuse(
        items, items->row.root ? "not a JSON object" : items->row.problem, err);
}

static void parse_item(struct catalog_items *items, const char *text, size_t n_bytes)
{
    catalog_json_release(&items->row);
    items->n_items++;
    if (!catalog_json_parse(&items->row, text, n_bytes)) {
        items->row.root = NULL;
    }
}

// One of the JSON lines. A last line that breaks off is the file's fault, not the row's.
static enum reel_status next_line(struct catalog_items *items, struct catalog_json **row,
                                  struct reel_error *err)
{
    items->r->where.line = items->line_number;
    const char *line = items->line;
    items->line = NULL;
    if (is_blank(line)) {
        return REEL_OK;
    }
    parse_item(items, line, items->n_line_bytes);
    if (items->row.is_unfinished) {
        const enum reel_status rc = take_line(items, err);
        if (rc != REEL_OK) {
            return rc;
        }
        if (!items->line) {
            return catalog_fail(items->r, err, "the file ends inside an object");
        }
    }
    return judge_item(items, row, err);
}

// After the last line of an array or of one object.
static enum reel_status at_end(struct catalog_items *items, struct reel_error *err)
{
    if (items->cutter.is_done) {
        return REEL_OK;
    }
    items->r->where.line = items->line_number;
    return catalog_fail(items->r, err, "%s",
                        items->cutter.item_depth < 0 ? "no JSON in the file"
                                                     : "the JSON ends too early");
}

static enum reel_status gather(struct catalog_items *items, const char *text,
                               size_t n_bytes, struct reel_error *err)
{
    struct base_buffer *item = &items->item;
    if (n_bytes >= item->max_bytes - item->n_bytes) {
        return catalog_fail(items->r, err, "an item of more than %zu bytes",
                            item->max_bytes);
    }
    if (!base_buffer_add(item, text, n_bytes) || !base_buffer_add_char(item, '\n')) {
        return out_of_memory(items, err);
    }
    return REEL_OK;
}

// The next item of an array, or the one object over several lines, as far as this line goes.
static enum reel_status next_cut(struct catalog_items *items, struct catalog_json **row,
                                 struct reel_error *err)
{
    size_t begin = 0, taken = 0;
    const enum catalog_json_cut cut = catalog_json_cutter_feed(
        &items->cutter, items->line, items->n_line_bytes, &begin, &taken);
    if (items->item.n_bytes == 0) { // else it began on an earlier line
        items->r->where.line = items->line_number;
    }
    if (cut == CATALOG_JSON_WRONG) {
        items->r->where.line = items->line_number;
        return catalog_fail(items->r, err, "not JSON at \"%.12s\"", items->line + taken);
    }
    const char *text = items->line + begin;
    size_t n_bytes = taken > begin ? taken - begin : 0;
    const bool is_gathered = cut == CATALOG_JSON_MORE || items->item.n_bytes > 0;
    if (n_bytes > 0 && is_gathered) {
        const enum reel_status rc = gather(items, text, n_bytes, err);
        if (rc != REEL_OK) {
            return rc;
        }
        text = items->item.data;
        n_bytes = items->item.n_bytes;
    }
    items->line = cut == CATALOG_JSON_MORE ? NULL : items->line + taken;
    items->n_line_bytes -= taken;
    if (cut == CATALOG_JSON_MORE) {
        return REEL_OK;
    }
    parse_item(items, text, n_bytes);
    base_buffer_clear(&items->item);
    return judge_item(items, row, err);
}

// The first line that is not blank tells lines from one array or object.
static enum reel_status begin(struct catalog_items *items, struct reel_error *err)
{
    enum reel_status rc;
    do {
        rc = take_line(items, err);
    } while (rc == REEL_OK && items->line && is_blank(items->line));
    items->r->where = catalog_input_where(items->in);
    if (rc == REEL_OK && items->line) {
        struct catalog_json_cutter probe;
        size_t item_begin, n_taken;
        catalog_json_cutter_init(&probe);
        items->is_lines =
            catalog_json_cutter_feed(&probe, items->line, items->n_line_bytes,
                                     &item_begin, &n_taken) == CATALOG_JSON_ITEM &&
            probe.item_depth == 0;
    }
    items->has_begun = true;
    return rc;
}

enum reel_status catalog_items_next(struct catalog_items *items,
                                    struct catalog_json **row, struct reel_error *err)
{
    *row = NULL;
    enum reel_status rc = items->has_begun ? REEL_OK : begin(items, err);
    while (rc == REEL_OK && !*row) {
        if (!items->line) {
            rc = take_line(items, err);
            if (rc != REEL_OK || !items->line) {
                return rc != REEL_OK || items->is_lines ? rc : at_end(items, err);
            }
        }
        rc = items->is_lines ? next_line(items, row, err) : next_cut(items, row, err);
    }
    return rc;
}
