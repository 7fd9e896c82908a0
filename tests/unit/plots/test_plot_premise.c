/** Premises from a person's own text: by rule, and with a model that recites. */
#include "base_alloc.h"
#include "plot_world.h"
#include "unit.h"

#include <forkreel/story.h>

#include <stdlib.h>

static const char text_en[] = "The Lamp\n\n"
                              "Mara Quill keeps the lighthouse on Gull Island alone. One "
                              "night in October she finds a "
                              "locked box on the rocks. Captain Voss comes ashore in the "
                              "storm, wipes the salt from his "
                              "face and asks for shelter; he has hunted Mara's brother "
                              "Eli for ten years. Eli is hiding "
                              "in the cellar, and he knows what is inside.";

static const char text_zh[] =
    "雨夜，林晓月守着青石镇的一家旧书店。她在柜台下发现了一封信，信是写给她父亲的。"
    "陈默推门进来，说他在找《海上星图》。林晓月看了看他，没有说话。陈默的妹妹阿珍三年前在"
    "码头失踪，"
    "陈默一直没有放弃。老王站在对面，把他们看得清清楚楚。";

static struct plot_world *read_premise(const char *text, const char *language,
                                       struct reel_lm *lm, char **json)
{
    struct reel_error err;
    struct plot_world *world;
    assert_ok(reel_premise_from_text(text, language, lm, json, &err), err);
    assert_ok(plot_world_create(*json, language, &world, &err), err);
    return world;
}

static const struct reel_entity *named(const struct plot_world *w, const char *name)
{
    for (int32_t i = 0; i < w->n_entities; i++) {
        if (!strcmp(w->entity[i].name, name)) {
            return &w->entity[i];
        }
    }
    return NULL;
}

static bool has_fact(const struct plot_world *w, const char *subject,
                     const char *relation, const char *object)
{
    for (int32_t i = 0; i < w->n_facts; i++) {
        const struct reel_fact *f = &w->fact[i];
        if (!strcmp(w->entity[f->subject].name, subject) &&
            !strcmp(f->relation, relation) &&
            (f->object < 0 || !strcmp(w->entity[f->object].name, object))) {
            return f->source == REEL_SOURCE_RULE;
        }
    }
    return false;
}

static void english_text_gives_persons_places_and_things(void **state)
{
    (void)state;
    char *json;
    struct plot_world *w = read_premise(text_en, "en", NULL, &json);
    assert_string_equal(w->title, "The Lamp");
    assert_memory_equal(w->opening, "Mara Quill keeps", 16);
    assert_string_equal(w->entity[w->lead].name, "Mara Quill");
    assert_int_equal(w->entity[w->lead].gender, 'f');
    assert_string_equal(w->entity[w->lead].alias[0], "Mara");
    assert_int_equal(named(w, "Captain Voss")->gender, 'm');
    assert_int_equal(named(w, "Eli")->gender, 'm');
    assert_int_equal(named(w, "the lighthouse")->kind, REEL_ENTITY_PLACE);
    assert_int_equal(named(w, "Gull Island")->kind, REEL_ENTITY_PLACE);
    assert_int_equal(named(w, "the box")->kind, REEL_ENTITY_OBJECT);
    assert_int_equal(named(w, "the box")->source, REEL_SOURCE_RULE);
    assert_null(named(w, "October"));
    assert_null(named(w, "One"));
    assert_true(has_fact(w, "Mara Quill", "sibling", "Eli"));
    assert_true(has_fact(w, "Mara Quill", "at", "the lighthouse"));
    plot_world_free(w);
    reel_text_free(json);
}

static void names_of_places_and_feasts_are_no_persons(void **state)
{
    (void)state;
    char *json;
    struct plot_world *w = read_premise("The fishing village of Skarv has not seen the "
                                        "sun for weeks. Ingrid, the keeper of "
                                        "a lighthouse, finds a diary on Christmas Eve. "
                                        "Finally, the storm comes to Skarv.",
                                        "en", NULL, &json);
    assert_int_equal(named(w, "Skarv")->kind, REEL_ENTITY_PLACE);
    assert_int_equal(named(w, "Ingrid")->kind, REEL_ENTITY_PERSON);
    assert_string_equal(w->entity[w->lead].name, "Ingrid");
    assert_null(named(w, "Eve"));
    assert_null(named(w, "Christmas Eve"));
    assert_null(named(w, "Finally"));
    plot_world_free(w);
    reel_text_free(json);
}

static void chinese_kin_are_found_by_their_names(void **state)
{
    (void)state;
    char *json;
    struct plot_world *w = read_premise(
        "赵铁山是黑河矿区的老矿工。他的女儿赵小雨发现了一封信。", "zh", NULL, &json);
    assert_int_equal(named(w, "赵铁山")->kind, REEL_ENTITY_PERSON);
    assert_int_equal(named(w, "赵小雨")->kind, REEL_ENTITY_PERSON);
    plot_world_free(w);
    reel_text_free(json);
}

static void chinese_text_gives_persons_places_and_things(void **state)
{
    (void)state;
    char *json;
    struct plot_world *w = read_premise(text_zh, "zh", NULL, &json);
    assert_non_null(named(w, "林晓月"));
    assert_int_equal(named(w, "林晓月")->gender, 'f');
    assert_non_null(named(w, "陈默"));
    assert_non_null(named(w, "阿珍"));
    assert_non_null(named(w, "老王"));
    assert_int_equal(named(w, "青石镇")->kind, REEL_ENTITY_PLACE);
    assert_int_equal(named(w, "码头")->kind, REEL_ENTITY_PLACE);
    assert_int_equal(named(w, "信")->kind, REEL_ENTITY_OBJECT);
    assert_int_equal(named(w, "《海上星图》")->kind, REEL_ENTITY_OBJECT);
    assert_true(has_fact(w, "陈默", "sibling", "阿珍"));
    plot_world_free(w);
    reel_text_free(json);
}

static const char *recite(const char *prompt, int32_t i_sample, uint64_t seed,
                          void *payload)
{
    (void)prompt;
    (void)i_sample;
    (void)seed;
    return payload;
}

static void the_models_answer_is_taken_where_the_text_bears_it_out(void **state)
{
    (void)state;
    static char answer[] = "Mara | a lighthouse keeper | to be left in peace\n"
                           "Captain Voss | a hunter of men | to find Eli\n"
                           "Rosebud | a sledge | to be remembered\n"
                           "Eli | one | two | three\n"
                           "Eli | 一个 | to hide\n"
                           "storm | a wild night | to pass over\n"
                           "Mara | somebody else | to take it all back\n"
                           "nonsense";
    struct reel_lm *lm;
    struct reel_error err;
    assert_ok(reel_lm_open_scripted(recite, answer, &lm, &err), err);
    char *json;
    struct plot_world *w = read_premise(text_en, "en", lm, &json);
    assert_string_equal(named(w, "Mara Quill")->goal, "to be left in peace");
    assert_string_equal(named(w, "Mara Quill")->trait[0], "a lighthouse keeper");
    assert_string_equal(named(w, "Captain Voss")->goal, "to find Eli");
    assert_null(named(w, "Rosebud"));
    assert_null(named(w, "Eli")->goal);
    assert_int_equal(named(w, "storm")->source, REEL_SOURCE_MODEL);
    plot_world_free(w);
    reel_text_free(json);
    reel_lm_close(lm);
}

static void text_without_anybody_is_refused(void **state)
{
    (void)state;
    char *json;
    struct reel_error err;
    assert_int_equal(reel_premise_from_text("It rains.", "en", NULL, &json, &err),
                     REEL_EFORMAT);
    assert_string_equal(err.text, "premise: nobody is found in \"It rains.\"");
    assert_int_equal(reel_premise_from_text(" \n", "en", NULL, &json, &err),
                     REEL_EFORMAT);
    assert_int_equal(reel_premise_from_text("A\xff", "en", NULL, &json, &err),
                     REEL_EFORMAT);
    assert_int_equal(reel_premise_from_text("A", "de", NULL, &json, &err), REEL_EINVAL);
    assert_null(json);
}

static void premise_is_found_or_memory_is_short(void **state)
{
    (void)state;
    char *json = NULL;
    struct reel_error err;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_premise_from_text(text_en, "en", NULL, &json, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(json);
    }
    reel_text_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(english_text_gives_persons_places_and_things),
        cmocka_unit_test(names_of_places_and_feasts_are_no_persons),
        cmocka_unit_test(chinese_kin_are_found_by_their_names),
        cmocka_unit_test(chinese_text_gives_persons_places_and_things),
        cmocka_unit_test(the_models_answer_is_taken_where_the_text_bears_it_out),
        cmocka_unit_test(text_without_anybody_is_refused),
        cmocka_unit_test(premise_is_found_or_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
