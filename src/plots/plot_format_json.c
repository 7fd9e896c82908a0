/**
 * The story file: JSON laid out for people. One entity, one fact, one check a line; what
 * belongs together in a node stands together. docs/stories.md tells the members.
 */
#include "plot_format.h"

#include "base_error.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void put_text(FILE *out, const char *text)
{
    if (text) {
        plot_format_put_json(out, text, false);
    } else {
        fputs("null", out);
    }
}

/** ["a", "b"] */
static void put_texts(FILE *out, const char *const *text, int32_t n)
{
    fputc('[', out);
    for (int32_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        put_text(out, text[i]);
    }
    fputc(']', out);
}

/** Numbers up to 2^53 are numbers to every reader; longer ones are kept as text. */
static void put_seed(FILE *out, uint64_t seed)
{
    const char *quote = seed > (uint64_t)1 << 53 ? "\"" : "";
    fprintf(out, "%s%llu%s", quote, (unsigned long long)seed, quote);
}

static void put_time(FILE *out, int64_t at_s)
{
    struct tm at;
    const time_t time = (time_t)at_s;
    if (gmtime_r(&time, &at)) {
        fprintf(out, "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", at.tm_year + 1900,
                at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
    }
}

static enum reel_status put_premise(const char *premise, FILE *out,
                                    struct reel_error *err)
{
    json_t *root = json_loads(premise, 0, NULL);
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (!text) {
        return fail(err, REEL_ENOMEM, "the premise of a story");
    }
    for (const char *at = text; *at; at++) { // strings hold no raw line breaks
        fputs(*at == '\n' ? "\n  " : (char[]){*at, 0}, out);
    }
    free(text);
    return REEL_OK;
}

static void put_entity(const struct reel_entity *entity, FILE *out)
{
    fputs("{\"id\": ", out);
    put_text(out, entity->id);
    fprintf(out, ", \"kind\": \"%s\", \"name\": ", plot_entity_kind_name(entity->kind));
    put_text(out, entity->name);
    fputs(", \"aliases\": ", out);
    put_texts(out, entity->alias, entity->n_aliases);
    fprintf(out, ", \"gender\": \"%c\", \"traits\": ", entity->gender);
    put_texts(out, entity->trait, entity->n_traits);
    fputs(", \"goal\": ", out);
    put_text(out, entity->goal);
    fprintf(out, ", \"source\": \"%s\"}", plot_source_name(entity->source));
}

static void put_fact(const struct reel_story *story, const struct reel_fact *fact,
                     FILE *out)
{
    fprintf(out, "{\"subject\": \"%s\", \"is\": \"%s\", ",
            story->entity[fact->subject].id, fact->relation);
    if (fact->object >= 0) {
        fprintf(out, "\"object\": \"%s\", ", story->entity[fact->object].id);
    }
    fprintf(out, "\"source\": \"%s\"}", plot_source_name(fact->source));
}

static void put_facts(const struct reel_story *story, const struct reel_fact *fact,
                      int32_t n, const char *indent, FILE *out)
{
    fputc('[', out);
    for (int32_t i = 0; i < n; i++) {
        fprintf(out, "%s\n%s  ", i ? "," : "", indent);
        put_fact(story, &fact[i], out);
    }
    fprintf(out, n ? "\n%s]" : "]", indent);
}

static void put_named_number(FILE *out, const char *name, double value)
{
    fprintf(out, "\"%s\": ", name);
    plot_format_put_number(out, value);
}

static void put_numbers(const struct reel_story_node *node, FILE *out)
{
    fputs("      ", out);
    put_named_number(out, "logp_per_token", node->logp_per_token);
    fputs(", ", out);
    put_named_number(out, "gain_per_token", node->gain_per_token);
    fputs(", ", out);
    put_named_number(out, "p_plan", node->p_plan);
    fputs(",\n      ", out);
    put_named_number(out, "p_like", node->p_like);
    fputs(", \"p_like_parts\": [", out);
    for (int32_t p = 0; p < node->n_parts; p++) {
        fputs(p ? ", {\"name\": " : "{\"name\": ", out);
        put_text(out, node->part[p].name);
        fputs(", ", out);
        put_named_number(out, "value", node->part[p].value);
        fputc('}', out);
    }
    fputs("],\n      ", out);
    put_named_number(out, "score", node->score);
    fputs(", ", out);
    put_named_number(out, "diversity", node->diversity);
    fputs(",\n", out);
}

static void put_plan(const struct reel_story *story, const struct reel_story_node *node,
                     FILE *out)
{
    fputs("      \"event\": ", out);
    put_text(out, node->event);
    fputs(", \"roles\": {", out);
    for (int32_t r = 0; r < node->n_roles; r++) {
        fprintf(out, "%s\"%s\": \"%s\"", r ? ", " : "", node->role[r].role,
                story->entity[node->role[r].entity].id);
    }
    fputs("},\n      \"plan\": ", out);
    put_text(out, node->plan);
    fputs(",\n", out);
}

static void put_checks(const struct reel_story_node *node, FILE *out)
{
    fputs("      \"checks\": [", out);
    for (int32_t c = 0; c < node->n_checks; c++) {
        const struct reel_check_result *check = &node->check[c];
        fprintf(out, "%s\n        {\"name\": ", c ? "," : "");
        put_text(out, check->name);
        fprintf(out, ", \"passed\": %s, \"dropped\": %d}",
                check->is_passed ? "true" : "false", check->n_failed_candidates);
    }
    fputs(node->n_checks ? "\n      ]\n" : "]\n", out);
}

static void put_node(const struct reel_story *story, int32_t i, FILE *out)
{
    const struct reel_story_node *node = &story->node[i];
    fprintf(out, "    {\n      \"index\": %d, \"parents\": [", i);
    for (int32_t p = 0; p < node->n_parents; p++) {
        fprintf(out, "%s%d", p ? ", " : "", node->parent[p]);
    }
    fprintf(out, "], \"depth\": %d, \"provenance\": \"%s\", \"ending\": ", node->depth,
            plot_provenance_name(node->provenance));
    put_text(out, node->ending);
    fputs(",\n      \"choice\": ", out);
    put_text(out, node->choice);
    fputs(",\n", out);
    put_plan(story, node, out);
    fputs("      \"text\": ", out);
    put_text(out, node->text);
    fputs(",\n      \"gained\": ", out);
    put_facts(story, node->gained, node->n_gained, "      ", out);
    fputs(",\n      \"lost\": ", out);
    put_facts(story, node->lost, node->n_lost, "      ", out);
    fputs(",\n", out);
    put_numbers(node, out);
    put_checks(node, out);
    fputs("    }", out);
}

static void put_head(const struct reel_story *story, FILE *out)
{
    const struct {
        const char *name, *text;
    } before[] = {{"id", story->id},
                  {"title", story->title},
                  {"viewer", story->viewer},
                  {"language", story->language},
                  {"genre", story->genre},
                  {"tone", story->tone},
                  {"method", story->method},
                  {"model", story->model},
                  {"model_checksum", story->model_checksum},
                  {"prompt_version", story->prompt_version}};
    fprintf(out, "{\n  \"forkreel_story\": %d,\n", REEL_STORY_VERSION);
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        fprintf(out, "  \"%s\": ", before[i].name);
        put_text(out, before[i].text);
        fputs(",\n", out);
    }
    fprintf(out, "  \"film_key\": %lld,\n  \"seed\": ", (long long)story->film_key);
    put_seed(out, story->seed);
    fputs(",\n  \"created\": ", out);
    put_time(out, story->created_s);
    fputs(",\n  \"entities\": [", out);
    for (int32_t e = 0; e < story->n_entities; e++) {
        fputs(e ? ",\n    " : "\n    ", out);
        put_entity(&story->entity[e], out);
    }
    fputs(story->n_entities ? "\n  ],\n  \"facts\": " : "],\n  \"facts\": ", out);
    put_facts(story, story->fact, story->n_facts, "  ", out);
    fputs(",\n  \"nodes\": [\n", out);
}

enum reel_status plot_format_json_write(const struct reel_story *story, FILE *out,
                                        struct reel_error *err)
{
    put_head(story, out);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        put_node(story, i, out);
        fputs(i + 1 < story->n_nodes ? ",\n" : "\n", out);
    }
    fputs("  ],\n  \"premise\": ", out);
    const enum reel_status rc = put_premise(story->premise, out, err);
    fputs("\n}\n", out);
    return rc;
}
