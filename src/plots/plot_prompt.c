/** Prompts out of the files of data/prompts: chosen by genre and tone, filled, laid out. */
#include "plot_prompt.h"

#include "base_alloc.h"
#include "base_error.h"
#include "plot_data.h"

#include <jansson.h>

#include <string.h>

enum { N_PAIRS = 3, N_NAMES_MAX = 16, GENRE_BYTES_MAX = 64 };

struct plot_prompts {
    json_t *root;
    struct base_buffer scenes;
    const char *name[N_NAMES_MAX];
    int32_t n_names;
};

const struct plot_data_file *plot_data_find(const char *name)
{
    const struct plot_data_file *file = plot_data_files;
    while (file->name && strcmp(file->name, name) != 0) {
        file++;
    }
    return file->name ? file : NULL;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static const json_t *pair_of(const json_t *set, size_t i)
{
    return json_array_get(json_object_get(set, "pairs"), i);
}

static const char *half_of(const json_t *pair, size_t i)
{
    const char *text = json_string_value(json_array_get(pair, i));
    return text ? text : "";
}

static bool gather_scenes(struct plot_prompts *p)
{
    const json_t *sets = json_object_get(p->root, "sets");
    bool is_ok = true;
    for (size_t s = 0; s < json_array_size(sets); s++) {
        const json_t *set = json_array_get(sets, s);
        for (size_t i = 0; i < json_array_size(json_object_get(set, "pairs")); i++) {
            is_ok = is_ok &&
                    base_buffer_print(&p->scenes, "%s ", half_of(pair_of(set, i), 1));
        }
    }
    return is_ok;
}

enum reel_status plot_prompts_create(const char *language, struct plot_prompts **out,
                                     struct reel_error *err)
{
    char name[32];
    json_error_t why;
    *out = NULL;
    snprintf(name, sizeof name, "prompts/%.8s.json", language);
    const struct plot_data_file *file = plot_data_find(name);
    if (!file) {
        return fail(err, REEL_EINVAL, "there are no prompts in the language '%s'",
                    language);
    }
    struct plot_prompts *p = base_alloc_zeroed(1, sizeof *p);
    if (!p) {
        return fail(err, REEL_ENOMEM, "prompts");
    }
    base_buffer_init(&p->scenes, 1 << 20);
    p->root = json_loadb(file->text, file->n_bytes, JSON_REJECT_DUPLICATES, &why);
    if (!p->root || !gather_scenes(p)) {
        const bool is_wrong =
            !p->root && json_error_code(&why) != json_error_out_of_memory;
        plot_prompts_free(p);
        return is_wrong
                   ? fail(err, REEL_EFORMAT, "%s line %d: %s", name, why.line, why.text)
                   : fail(err, REEL_ENOMEM, "prompts");
    }
    const json_t *names = json_object_get(p->root, "names");
    for (size_t i = 0; i < json_array_size(names) && i < N_NAMES_MAX; i++) {
        p->name[p->n_names++] = json_string_value(json_array_get(names, i));
    }
    *out = p;
    return REEL_OK;
}

void plot_prompts_free(struct plot_prompts *prompts)
{
    if (prompts) {
        json_decref(prompts->root);
        base_buffer_release(&prompts->scenes);
        base_free(prompts);
    }
}

const char *plot_prompts_version(const struct plot_prompts *prompts)
{
    return text_of(prompts->root, "prompt_version");
}

const char *plot_prompts_scenes(const struct plot_prompts *prompts)
{
    return base_buffer_text(&prompts->scenes);
}

const char *const *plot_prompts_names(const struct plot_prompts *prompts, int32_t *n)
{
    *n = prompts->n_names;
    return prompts->name;
}

const char *plot_prompts_label(const struct plot_prompts *prompts, int which)
{
    return text_of(prompts->root, which ? "scene" : "note");
}

/* ---- choosing ---- */

static bool list_has(const json_t *list, const char *word, size_t n)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item && strlen(item) == n && !memcmp(item, word, n)) {
            return true;
        }
    }
    return false;
}

/** How well a set suits "Drama, War": the first genre that it has counts, early ones most. */
static double genre_fit(const json_t *set, const char *genre)
{
    double fit = 0, weight = 1;
    for (const char *at = genre; at && *at; weight /= 2) {
        const size_t n = strcspn(at, ",");
        fit += list_has(json_object_get(set, "genres"), at, n) ? weight : 0;
        at += n + strspn(at + n, ", ");
    }
    return fit;
}

static const json_t *set_for_genre(const json_t *sets, const char *genre)
{
    const json_t *best = json_array_get(sets, 1); // drama, where nothing fits
    for (size_t s = 0; s < json_array_size(sets); s++) {
        const json_t *set = json_array_get(sets, s);
        best = genre_fit(set, genre) > genre_fit(best, genre) ? set : best;
    }
    return best;
}

/** NULL: no set has this tone. */
static const json_t *set_for_tone(const json_t *sets, const char *tone)
{
    for (size_t s = 0; tone && s < json_array_size(sets); s++) {
        const json_t *set = json_array_get(sets, s);
        if (list_has(json_object_get(set, "tones"), tone, strlen(tone))) {
            return set;
        }
    }
    return NULL;
}

/* ---- filling ---- */

/** "Drama, War" in the prompts' language. */
static bool add_genre(const struct plot_prompts *prompts, const char *genre,
                      struct base_buffer *out)
{
    const json_t *names = json_object_get(prompts->root, "genres");
    const bool is_translated = json_object_size(names) > 0;
    bool is_ok = true;
    for (const char *at = genre; is_ok && at && *at;) {
        char name[GENRE_BYTES_MAX];
        const size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        const char *there = text_of(names, name);
        is_ok = (at == genre || base_buffer_add_text(out, is_translated ? "、" : ", ")) &&
                base_buffer_add_text(out, *there ? there : name);
        at += n + strspn(at + n, ", ");
    }
    return is_ok;
}

static bool add_field(const struct plot_prompts *prompts,
                      const struct plot_prompt *prompt, const char *name, size_t n,
                      struct base_buffer *out)
{
    const struct {
        const char *name, *text;
    } fields[] = {
        {"title", prompt->world->title}, {"setting", prompt->world->setting},
        {"facts", prompt->facts},        {"before", prompt->before},
        {"note", prompt->note},          {"story", prompt->story},
    };
    if (n == strlen("genre") && !memcmp(name, "genre", n)) {
        return add_genre(prompts, prompt->genre, out);
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strlen(fields[i].name) == n && !memcmp(fields[i].name, name, n)) {
            return base_buffer_add_text(out, fields[i].text ? fields[i].text : "");
        }
    }
    return false;
}

/** The template with its {fields} put in. */
static bool fill(const struct plot_prompts *prompts, const struct plot_prompt *prompt,
                 const char *template, struct base_buffer *out)
{
    bool is_ok = true;
    for (const char *at = template; is_ok && *at;) {
        const size_t n = strcspn(at, "{");
        is_ok = base_buffer_add(out, at, n);
        at += n;
        if (*at) {
            const size_t n_name = strcspn(at + 1, "}");
            is_ok = is_ok && add_field(prompts, prompt, at + 1, n_name, out);
            at += 1 + n_name + (at[1 + n_name] != 0);
        }
    }
    return is_ok;
}

/** "Note: ...\nScene: ...\n\n"; a label that ends in a full-width colon takes no blank. */
static bool add_pair(const struct plot_prompts *prompts, const char *note,
                     const char *scene, struct base_buffer *out)
{
    const char *label[2] = {plot_prompts_label(prompts, 0),
                            plot_prompts_label(prompts, 1)};
    const char *blank = strchr(label[0], ':') ? " " : "";
    return (!note || !*note ||
            base_buffer_print(out, "%s%s%s\n", label[0], blank, note)) &&
           base_buffer_print(out, "%s%s%s\n\n", label[1], blank, scene);
}

static bool add_trunk(const struct plot_prompts *prompts,
                      const struct plot_prompt *prompt, struct base_buffer *out)
{
    const json_t *sets = json_object_get(prompts->root, "sets");
    const json_t *by_genre = set_for_genre(sets, prompt->genre),
                 *by_tone = set_for_tone(sets, prompt->tone);
    bool is_ok = base_buffer_print(out, "%s\n\n", text_of(prompts->root, "intro"));
    for (size_t i = 0; is_ok && i < N_PAIRS; i++) {
        // the last pair is nearest to what is written: it gives the tone
        const bool is_tone = by_tone && by_tone != by_genre && i == N_PAIRS - 1;
        const json_t *pair = pair_of(is_tone ? by_tone : by_genre, i);
        is_ok = add_pair(prompts, half_of(pair, 0), half_of(pair, 1), out);
    }
    return is_ok && fill(prompts, prompt, text_of(prompts->root, "film"), out) &&
           base_buffer_add_text(out, "\n");
}

bool plot_prompt_add(const struct plot_prompts *prompts, const struct plot_prompt *prompt,
                     struct base_buffer *out)
{
    const char *blank = strchr(plot_prompts_label(prompts, 0), ':') ? " " : "";
    bool is_ok = add_trunk(prompts, prompt, out);
    if (is_ok && prompt->facts && *prompt->facts) {
        is_ok = fill(prompts, prompt, text_of(prompts->root, "now"), out) &&
                base_buffer_add_text(out, "\n");
    }
    is_ok = is_ok && base_buffer_add_text(out, "\n");
    if (is_ok && prompt->before && *prompt->before && prompt->note &&
        !prompt->note_before) {
        is_ok = base_buffer_print(out, "%s\n\n", prompt->before); // the opening
    } else if (is_ok && prompt->before && *prompt->before) {
        is_ok = add_pair(prompts, prompt->note_before, prompt->before, out);
    }
    if (is_ok && prompt->note) {
        is_ok = base_buffer_print(out, "%s%s%s\n", plot_prompts_label(prompts, 0), blank,
                                  prompt->note);
    }
    return is_ok && base_buffer_add_text(out, plot_prompts_label(prompts, 1));
}

bool plot_prompt_add_instruction(const struct plot_prompts *prompts,
                                 const struct plot_prompt *prompt,
                                 struct base_buffer *out)
{
    return fill(prompts, prompt,
                text_of(prompts->root, prompt->note ? "instruction" : "instruction_free"),
                out);
}

bool plot_prompt_add_plain(const struct plot_prompts *prompts,
                           const struct plot_prompt *prompt, struct base_buffer *out)
{
    return fill(prompts, prompt, text_of(prompts->root, "plain"), out);
}
