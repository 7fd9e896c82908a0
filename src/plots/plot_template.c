/** Slots become names and pronouns; see plot_template.h. The schema has checked the slots. */
#include "plot_template.h"

#include "base_error.h"

#include <string.h>

static int slot_role(const char *slot)
{
    static const char *const names[] = {"a", "b", "c", "place", "object", "group"};
    const size_t n = strcspn(slot, ".'}");
    for (int i = 0; i < PLOT_ROLES; i++) {
        if (strlen(names[i]) == n && memcmp(names[i], slot, n) == 0) {
            return i;
        }
    }
    return -1;
}

bool plot_template_fits(const char *text, const int32_t *role)
{
    for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
        const int r = slot_role(at + 1);
        if (r < 0 || role[r] < 0) {
            return false;
        }
    }
    return true;
}

bool plot_template_mentions(const char *text, enum plot_role role)
{
    for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
        if (slot_role(at + 1) == (int)role) {
            return true;
        }
    }
    return false;
}

/** The pronoun that a form asks for; NULL: the name itself. */
static const char *pronoun(const char *form, size_t n, char gender, bool is_chinese)
{
    static const struct {
        const char *form, *word[6]; // m, f, n in English, then in Chinese
    } words[] = {
        {".he", {"he", "she", "it", "他", "她", "它"}},
        {".him", {"him", "her", "it", "他", "她", "它"}},
        {".his", {"his", "her", "its", "他的", "她的", "它的"}},
        {".himself", {"himself", "herself", "itself", "自己", "自己", "自己"}},
    };
    const int g = gender == 'm' ? 0 : gender == 'f' ? 1 : 2;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].form) == n && memcmp(words[i].form, form, n) == 0) {
            return words[i].word[g + (is_chinese ? 3 : 0)];
        }
    }
    return NULL;
}

/**
 * Nothing yet, or a full stop and a blank, or an opening quotation mark after these. After
 * what is asked or cried the sentence goes on: "Can you walk?" she asks.
 */
static bool begins_sentence(const char *text, size_t n)
{
    const bool is_asked = n > 2 && text[n - 1] == ' ' && text[n - 2] == '"' &&
                          (text[n - 3] == '?' || text[n - 3] == '!');
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '"')) {
        n--;
    }
    return !is_asked && (n == 0 || strchr(".!?", text[n - 1]));
}

static bool add_word(struct base_buffer *out, size_t begin, const char *word)
{
    const size_t at = out->n_bytes;
    const bool is_first =
        begins_sentence(at > begin ? out->data + begin : "", at - begin);
    if (!base_buffer_add_text(out, word)) {
        return false;
    }
    if (is_first && out->data[at] >= 'a' && out->data[at] <= 'z') {
        out->data[at] = (char)(out->data[at] - 'a' + 'A');
    }
    return true;
}

/** A building, a counter, a deck: one is at it. In any other place of a name one is in. */
static bool is_in(const char *place)
{
    static const char *const at[] = {
        "House",  "Hotel",   "Motel",   "Inn",    "Bar",       "Club",    "Station",
        "School", "Castle",  "Airport", "Palace", "Tower",     "Hall",    "Farm",
        "Ranch",  "Harbour", "Bridge",  "Gate",   "College",   "Academy", "Building",
        "Plaza",  "Lake",    "Pass",    "Beach",  "Caf\u00e9", "Park",    "Saloon",
        "Base",   "Square",  "Mount",   "Ridge"};
    if (!(place[0] >= 'A' && place[0] <= 'Z') || strstr(place, "'s ")) {
        return false;
    }
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        if (strstr(place, at[i])) {
            return false;
        }
    }
    return true;
}

/** "at London" becomes "in London". */
static void mend_preposition(struct base_buffer *out, const char *place)
{
    char *end = out->n_bytes >= 3 ? out->data + out->n_bytes - 3 : NULL;
    const bool is_word = end && (end == out->data || end[-1] == ' ' || end[-1] == '"');
    if (is_word && (end[0] == 'a' || end[0] == 'A') && !memcmp(end + 1, "t ", 2) &&
        is_in(place)) {
        end[0] = end[0] == 'a' ? 'i' : 'I';
        end[1] = 'n';
    }
}

bool plot_template_place(struct base_buffer *out, const char *place)
{
    mend_preposition(out, place);
    return base_buffer_add_text(out, place);
}

const char *plot_template_short_name(const struct reel_entity *entity)
{
    const char *alias = entity->n_aliases > 0 ? entity->alias[0] : entity->name;
    const bool needs_article = strncmp(entity->name, "the ", 4) == 0 && alias[0] >= 'a' &&
                               alias[0] <= 'z' && strncmp(alias, "the ", 4) != 0;
    return needs_article ? entity->name : alias; // not "run from alien"
}

enum reel_status plot_template_fill(const char *text, const struct plot_world *world,
                                    const int32_t *role, uint64_t seen,
                                    struct base_buffer *out, struct reel_error *err)
{
    const bool is_chinese = world->language[0] == 'z';
    const size_t begin = out->n_bytes;
    bool is_ok = true;
    while (is_ok && *text) {
        const size_t n_plain = strcspn(text, "{");
        is_ok = base_buffer_add(out, text, n_plain);
        text += n_plain;
        if (!is_ok || !*text) {
            break;
        }
        const char *end = strchr(text, '}');
        const int r = slot_role(text + 1);
        if (!end || r < 0 || role[r] < 0) {
            return fail(err, REEL_EINVAL, "no filling for '%.30s'", text);
        }
        const struct reel_entity *entity = &world->entity[role[r]];
        const char *form = text + 1 + strcspn(text + 1, ".'}");
        const char *word =
            pronoun(form, (size_t)(end - form), entity->gender, is_chinese);
        if (!word) {
            const uint64_t bit = (uint64_t)1 << role[r];
            word =
                (seen & bit) && entity->n_aliases > 0 ? entity->alias[0] : entity->name;
            seen |= bit;
        }
        if (r == PLOT_PLACE && !is_chinese) {
            mend_preposition(out, word);
        }
        is_ok = add_word(out, begin, word);
        if (is_ok && *form == '\'') {
            is_ok = base_buffer_add_text(out, is_chinese ? "的" : "'s");
        }
        text = end + 1;
    }
    return is_ok ? REEL_OK : fail(err, REEL_ENOMEM, "planned sentence: out of memory");
}
