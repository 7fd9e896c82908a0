/** A premise becomes a world, or is refused with the place of what is wrong. */
#include "plot_world.h"

#include "base_alloc.h"
#include "plot_worlds.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct plot_world *make(const char *json, const char *language)
{
    struct plot_world *world;
    struct reel_error err;
    assert_ok(plot_world_create(json, language, &world, &err), err);
    return world;
}

static const struct reel_fact *fact_of(const struct plot_world *w, const char *subject,
                                       const char *relation, const char *object)
{
    for (int32_t i = 0; i < w->n_facts; i++) {
        const struct reel_fact *f = &w->fact[i];
        const char *o = f->object < 0 ? "" : w->entity[f->object].id;
        if (!strcmp(w->entity[f->subject].id, subject) &&
            !strcmp(f->relation, relation) && !strcmp(o, object)) {
            return f;
        }
    }
    return NULL;
}

static void world_holds_what_is_said_and_what_follows(void **state)
{
    (void)state;
    struct plot_world *w = make(world_harbour, "en");
    assert_int_equal(w->n_entities, 13);
    assert_string_equal(w->entity[w->lead].name, "Ida Holm");
    assert_string_equal(w->genre, "Drama, Crime");
    assert_int_equal(w->max_age, 13);
    assert_int_equal(fact_of(w, "ida", "friend", "olav")->source, REEL_SOURCE_CATALOGUE);
    assert_int_equal(fact_of(w, "olav", "trusts", "ida")->source, REEL_SOURCE_RULE);
    assert_int_equal(fact_of(w, "tom", "alive", "")->source, REEL_SOURCE_RULE);
    assert_int_equal(fact_of(w, "olav", "has", "map")->source, REEL_SOURCE_CATALOGUE);
    assert_non_null(fact_of(w, "ring", "at", "inn"));
    assert_non_null(fact_of(w, "grim", "member", "customs"));
    assert_non_null(fact_of(w, "ida", "met", "jon"));
    assert_null(fact_of(w, "ida", "met", "tom"));
    assert_null(fact_of(w, "ida", "trusts", "grim"));
    plot_world_free(w);
}

static void opening_tells_the_first_beats_and_they_have_happened(void **state)
{
    (void)state;
    struct plot_world *w = make(world_harbour, "en");
    assert_int_equal(w->n_opening_beats, 2);
    assert_string_equal(w->opening,
                        "A small harbour in winter. Captain Grim tells Ida to be gone by "
                        "morning. Olav promises Ida the sea chart.");
    assert_int_equal(fact_of(w, "ida", "fears", "grim")->source, REEL_SOURCE_EVENT);
    assert_non_null(fact_of(w, "grim", "at", "quay"));
    assert_null(fact_of(w, "tom", "has", "map"));
    plot_world_free(w);
    w = make(world_harbour, "zh");
    assert_string_equal(
        w->opening,
        "冬天的一座小港。格里姆船长叫伊达天亮前离开。奥拉夫答应把海图给伊达。");
    plot_world_free(w);
}

static void names_alone_are_taken_from_the_other_language(void **state)
{
    (void)state;
    struct plot_world *w;
    struct reel_error err;
    assert_int_equal(plot_world_create(world_two, "zh", &w, &err), REEL_EFORMAT);
    assert_string_equal(err.text, "premise: setting.zh: missing");
    assert_null(w);
    assert_int_equal(plot_world_create(world_two, "fr", &w, &err), REEL_EINVAL);
}

static void premise_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"name\": {\"en\": \"Bob\"}", "\"name\": {}",
         "premise: characters[1].name.zh: missing"},
        {"\"gender\": \"m\"", "\"gender\": \"x\"",
         "premise: characters[1].gender: 'x' is not m, f or n"},
        {"\"id\": \"bob\"", "\"id\": \"ann\"",
         "premise: characters[1].id: 'ann' stands twice"},
        {"\"id\": \"bob\"", "\"id\": \"Bob\"",
         "premise: characters[1].id: 'Bob' is not [a-z0-9_]+"},
        {"\"event\": \"arrival\"", "\"event\": \"arival\"",
         "premise: beats[0].event: there is no event 'arival'"},
        {"\"place\": \"road\"", "\"place\": \"ann\"",
         "premise: beats[0].place: 'ann' is no place"},
        {"\"place\": \"road\"", "\"place\": \"rome\"",
         "premise: beats[0].place: there is no 'rome'"},
        {"\"gender\": \"m\"", "\"relations\": [{\"is\": \"likes\", \"to\": \"ann\"}]",
         "premise: characters[1].relations[0].is: no relation 'likes'"},
        {"\"gender\": \"m\"", "\"relations\": [{\"is\": \"met\", \"to\": \"ann\"}]",
         "premise: characters[1].relations[0].is: no relation 'met'"},
        {"\"gender\": \"m\"", "\"relations\": [{\"is\": \"friend\", \"to\": \"bob\"}]",
         "premise: characters[1].relations[0].to: nobody stands in a relation to "
         "oneself"},
        {"\"gender\": \"m\"", "\"age\": 5",
         "premise: characters[1]: unknown member 'age'"},
        {"\"title\": {\"en\": \"Two\"}, ", "", "premise: title: missing"},
        {"{\"title\"", "{title", "premise: line 1: string or '}' expected near 'title'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *at = strstr(world_two, cases[i].from);
        assert_non_null(at);
        char *text = malloc(sizeof world_two + strlen(cases[i].to));
        sprintf(text, "%.*s%s%s", (int)(at - world_two), world_two, cases[i].to,
                at + strlen(cases[i].from));
        struct plot_world *w;
        struct reel_error err;
        assert_int_equal(plot_world_create(text, "en", &w, &err), REEL_EFORMAT);
        assert_string_equal(err.text, cases[i].says);
        assert_null(w);
        free(text);
    }
}

static void world_is_made_or_memory_is_short(void **state)
{
    (void)state;
    struct plot_world *w = make(world_harbour, "en"); // the schema is loaded now
    struct reel_error err;
    plot_world_free(w);
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = plot_world_create(world_harbour, "en", &w, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(w);
    }
    plot_world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(world_holds_what_is_said_and_what_follows),
        cmocka_unit_test(opening_tells_the_first_beats_and_they_have_happened),
        cmocka_unit_test(names_alone_are_taken_from_the_other_language),
        cmocka_unit_test(premise_is_refused_with_its_place),
        cmocka_unit_test(world_is_made_or_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
