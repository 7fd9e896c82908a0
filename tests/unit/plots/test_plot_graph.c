/** Facts, what follows from them, and every event of the schema in small worlds. */
#include "plot_graph.h"

#include "base_alloc.h"
#include "base_buffer.h"
#include "base_rng.h"
#include "plot_plan.h"
#include "plot_template.h"
#include "plot_worlds.h"
#include "unit.h"

enum { IDA, OLAV, MARIT, TOM, GRIM, JON, MACHINE, QUAY, INN, BERGEN, MAP, RING };

struct fixture {
    const struct plot_schema *schema;
    struct plot_world *world;
    struct plot_graph graph;
    struct reel_error err;
};

static void open_world(struct fixture *f, const char *json, const char *language)
{
    assert_ok(plot_schema_get(&f->schema, &f->err), f->err);
    assert_ok(plot_world_create(json, language, &f->world, &f->err), f->err);
    assert_ok(plot_graph_init(&f->graph, f->world, &f->err), f->err);
}

static void close_world(struct fixture *f)
{
    plot_graph_release(&f->graph);
    plot_world_free(f->world);
}

static const struct plot_event *event_of(const struct fixture *f, const char *name)
{
    const int32_t i = plot_schema_find(f->schema, name);
    assert_true(i >= 0);
    return &f->schema->event[i];
}

static void happen(struct fixture *f, const char *name, int32_t a, int32_t b)
{
    const int32_t role[PLOT_ROLES] = {a, b, -1, -1, -1, -1};
    plot_graph_happen(&f->graph, event_of(f, name), role);
}

static bool allows(const struct fixture *f, const char *name, int32_t a, int32_t b,
                   int32_t object)
{
    const int32_t role[PLOT_ROLES] = {a, b, -1, -1, object, -1};
    return plot_graph_allows(&f->graph, event_of(f, name), role);
}

static void graph_knows_symmetric_facts_in_either_order(void **state)
{
    (void)state;
    struct fixture f;
    open_world(&f, world_harbour, "en");
    assert_true(plot_graph_holds(&f.graph, OLAV, PLOT_FRIEND, IDA));
    assert_true(plot_graph_holds(&f.graph, MARIT, PLOT_PARENT, TOM));
    assert_false(plot_graph_holds(&f.graph, TOM, PLOT_PARENT, MARIT));
    assert_int_equal(plot_graph_object(&f.graph, IDA, PLOT_AT), QUAY);
    assert_int_equal(plot_graph_object(&f.graph, MACHINE, PLOT_AT), -1);
    assert_int_equal(plot_graph_subject(&f.graph, PLOT_HAS, MAP), OLAV);
    struct plot_graph copy;
    assert_ok(plot_graph_copy(&copy, &f.graph, &f.err), f.err);
    assert_true(plot_graph_equal(&copy, &f.graph));
    plot_graph_set(&copy, IDA, PLOT_INJURED, -1, true);
    assert_false(plot_graph_equal(&copy, &f.graph));
    plot_graph_release(&copy);
    close_world(&f);
}

static void events_need_what_a_reader_would_ask_for(void **state)
{
    (void)state;
    struct fixture f;
    open_world(&f, world_harbour, "en");
    assert_false(allows(&f, "betrayal", GRIM, IDA, -1)); // she does not trust him
    assert_true(allows(&f, "betrayal", OLAV, IDA, -1));
    assert_false(allows(&f, "reunion", IDA, TOM, -1)); // never met
    assert_true(allows(&f, "reunion", IDA, JON, -1));
    assert_false(allows(&f, "falling_in_love", OLAV, MARIT, -1)); // siblings
    assert_false(allows(&f, "loss", IDA, -1, MAP));               // it is not hers
    assert_true(allows(&f, "loss", OLAV, -1, MAP));
    assert_false(allows(&f, "theft", TOM, TOM, MAP));
    assert_false(allows(&f, "wedding", IDA, JON, -1)); // she does not love him
    assert_true(allows(&f, "wedding", JON, IDA, -1));
    happen(&f, "wedding", JON, IDA);
    plot_graph_set(&f.graph, OLAV, PLOT_LOVES, IDA, true);
    assert_false(allows(&f, "wedding", OLAV, IDA, -1)); // she is married
    close_world(&f);
}

static void the_dead_do_nothing_and_leave_what_they_had(void **state)
{
    (void)state;
    struct fixture f;
    open_world(&f, world_harbour, "en");
    happen(&f, "capture", OLAV, GRIM);
    assert_true(plot_graph_holds(&f.graph, GRIM, PLOT_CAPTIVE, -1));
    happen(&f, "death", OLAV, -1);
    assert_false(plot_graph_holds(&f.graph, OLAV, PLOT_ALIVE, -1));
    assert_int_equal(plot_graph_subject(&f.graph, PLOT_HAS, MAP), -1);
    assert_int_equal(plot_graph_object(&f.graph, MAP, PLOT_AT), QUAY);
    assert_false(plot_graph_holds(&f.graph, GRIM, PLOT_CAPTIVE, -1)); // nobody holds him
    assert_true(plot_graph_holds(&f.graph, IDA, PLOT_FRIEND, OLAV));  // still was one
    assert_false(allows(&f, "promise", OLAV, MARIT, -1));
    assert_false(allows(&f, "promise", MARIT, OLAV, -1));
    plot_graph_set(&f.graph, OLAV, PLOT_TRUSTS, TOM, true);
    assert_false(plot_graph_holds(&f.graph, OLAV, PLOT_TRUSTS, TOM));
    close_world(&f);
}

static void captives_stay_and_others_come_to_them(void **state)
{
    (void)state;
    struct fixture f;
    open_world(&f, world_harbour, "en");
    happen(&f, "capture", GRIM, IDA);
    const int32_t cell = plot_graph_object(&f.graph, IDA, PLOT_AT);
    const int32_t travel[PLOT_ROLES] = {IDA, -1, -1, BERGEN, -1, -1};
    assert_false(plot_graph_allows(&f.graph, event_of(&f, "journey"), travel));
    happen(&f, "confession", IDA, JON);
    assert_int_equal(plot_graph_object(&f.graph, IDA, PLOT_AT), cell);
    assert_int_equal(plot_graph_object(&f.graph, JON, PLOT_AT), cell);
    assert_true(allows(&f, "escape", IDA, GRIM, -1));
    happen(&f, "escape", IDA, GRIM);
    assert_true(plot_graph_holds(&f.graph, IDA, PLOT_FREE, -1));
    assert_false(plot_graph_holds(&f.graph, GRIM, PLOT_HOLDS, IDA));
    assert_false(allows(&f, "escape", IDA, GRIM, -1));
    close_world(&f);
}

static void an_object_is_with_one_person_or_at_one_place(void **state)
{
    (void)state;
    struct fixture f;
    open_world(&f, world_harbour, "en");
    plot_graph_set(&f.graph, IDA, PLOT_HAS, RING, true);
    assert_int_equal(plot_graph_object(&f.graph, RING, PLOT_AT), -1);
    plot_graph_set(&f.graph, TOM, PLOT_HAS, RING, true);
    assert_false(plot_graph_holds(&f.graph, IDA, PLOT_HAS, RING));
    plot_graph_set(&f.graph, RING, PLOT_LOST, -1, true);
    assert_int_equal(plot_graph_subject(&f.graph, PLOT_HAS, RING), -1);
    plot_graph_set(&f.graph, RING, PLOT_AT, QUAY, true);
    assert_false(plot_graph_holds(&f.graph, RING, PLOT_LOST, -1));
    close_world(&f);
}

static void an_account_of_changes_leads_from_one_graph_to_the_other(void **state)
{
    (void)state;
    struct fixture f;
    open_world(&f, world_harbour, "en");
    struct plot_graph before;
    assert_ok(plot_graph_copy(&before, &f.graph, &f.err), f.err);
    const int32_t role[PLOT_ROLES] = {TOM, OLAV, -1, QUAY, MAP, -1};
    struct reel_fact gained[PLOT_CHANGES_MAX], lost[PLOT_CHANGES_MAX];
    int32_t n_gained, n_lost;
    assert_ok(plot_graph_apply(&f.graph, event_of(&f, "theft"), role, gained, &n_gained,
                               lost, &n_lost, &f.err),
              f.err);
    assert_true(n_gained >= 3 && n_lost >= 1);
    for (int32_t i = 0; i < n_lost; i++) {
        plot_graph_set(&before, lost[i].subject,
                       (enum plot_relation)plot_relation_find(lost[i].relation),
                       lost[i].object, false);
    }
    for (int32_t i = 0; i < n_gained; i++) {
        assert_int_equal(gained[i].source, REEL_SOURCE_EVENT);
        plot_graph_set(&before, gained[i].subject,
                       (enum plot_relation)plot_relation_find(gained[i].relation),
                       gained[i].object, true);
    }
    assert_true(plot_graph_equal(&before, &f.graph));
    plot_graph_release(&before);
    close_world(&f);
}

/** What must be true of every graph, whatever happened. */
static void check_invariants(const struct plot_graph *g)
{
    const struct plot_world *w = g->world;
    for (int32_t i = 0; i < w->n_entities; i++) {
        const uint64_t at = g->row[(size_t)PLOT_AT * (size_t)w->n_entities + (size_t)i];
        assert_true((at & (at - 1)) == 0); // nowhere or at one place
        for (int r = 0; r < PLOT_N_RELATIONS; r++) {
            if (plot_relation_arity(r) == 2) {
                assert_false(plot_graph_holds(g, i, r, i));
            }
        }
        if (w->entity[i].kind == REEL_ENTITY_PERSON) {
            const bool is_dead = plot_graph_holds(g, i, PLOT_DEAD, -1);
            assert_true(plot_graph_holds(g, i, PLOT_ALIVE, -1) != is_dead);
            assert_false(plot_graph_holds(g, i, PLOT_FREE, -1) &&
                         plot_graph_holds(g, i, PLOT_CAPTIVE, -1));
            assert_false(is_dead && plot_graph_holds(g, i, PLOT_CAPTIVE, -1));
            assert_true(plot_graph_subject(g, PLOT_HOLDS, i) < 0 ||
                        plot_graph_holds(g, i, PLOT_CAPTIVE, -1));
        } else if (w->entity[i].kind == REEL_ENTITY_OBJECT) {
            int n_owners = 0;
            for (int32_t p = 0; p < w->n_entities; p++) {
                n_owners += plot_graph_holds(g, p, PLOT_HAS, i);
            }
            assert_true(n_owners + (at != 0) <= 1);
        }
    }
}

/** Any filling by entities of the right kind. */
static void random_roles(const struct plot_world *w, const struct plot_event *e,
                         struct base_rng *rng, int32_t *role)
{
    for (int r = 0; r < PLOT_ROLES; r++) {
        const enum reel_entity_kind kind = r == PLOT_PLACE    ? REEL_ENTITY_PLACE
                                           : r == PLOT_OBJECT ? REEL_ENTITY_OBJECT
                                           : r == PLOT_GROUP  ? REEL_ENTITY_GROUP
                                                              : REEL_ENTITY_PERSON;
        role[r] = -1;
        for (int tries = 0; tries < 100 && e->needs_role & 1U << r && role[r] < 0;
             tries++) {
            const int32_t i = (int32_t)base_rng_below(rng, (uint32_t)w->n_entities);
            bool is_taken = false;
            for (int k = 0; k < r; k++) {
                is_taken |= role[k] == i;
            }
            role[r] = w->entity[i].kind == kind && !is_taken ? i : -1;
        }
    }
}

static void every_event_keeps_a_world_sane_and_tells_it_in_both_languages(void **state)
{
    (void)state;
    static const char *const languages[] = {"en", "zh"};
    for (int l = 0; l < 2; l++) {
        struct fixture f;
        open_world(&f, world_harbour, languages[l]);
        struct base_rng rng;
        base_rng_init(&rng, 7, 0);
        int n_happened = 0;
        for (int round = 0; round < 40000; round++) {
            if (round % 60 == 0) {
                plot_graph_release(&f.graph);
                assert_ok(plot_graph_init(&f.graph, f.world, &f.err), f.err);
            }
            const struct plot_event *e =
                &f.schema->event[base_rng_below(&rng, (uint32_t)f.schema->n_events)];
            int32_t role[PLOT_ROLES];
            random_roles(f.world, e, &rng, role);
            if (!plot_graph_allows(&f.graph, e, role)) {
                continue;
            }
            struct reel_fact gained[PLOT_CHANGES_MAX], lost[PLOT_CHANGES_MAX];
            int32_t n_gained, n_lost;
            assert_ok(plot_graph_apply(&f.graph, e, role, gained, &n_gained, lost,
                                       &n_lost, &f.err),
                      f.err);
            check_invariants(&f.graph);
            n_happened++;
        }
        assert_true(n_happened > 3000);
        close_world(&f);
    }
}

static void every_template_fills_without_a_brace_left(void **state)
{
    (void)state;
    static const char *const languages[] = {"en", "zh"};
    const int32_t role[PLOT_ROLES] = {MACHINE, IDA, GRIM, INN, RING, RING + 1};
    for (int l = 0; l < 2; l++) {
        struct fixture f;
        open_world(&f, world_harbour, languages[l]);
        for (int32_t e = 0; e < f.schema->n_events; e++) {
            const struct plot_event *event = &f.schema->event[e];
            for (int32_t i = 0; i < event->n_sentences[l] + event->n_choices[l]; i++) {
                const bool is_sentence = i < event->n_sentences[l];
                const char *text = is_sentence
                                       ? event->sentence[l][i]
                                       : event->choice[l][i - event->n_sentences[l]];
                struct base_buffer out;
                base_buffer_init(&out, 4096);
                assert_ok(plot_template_fill(text, f.world, role, 0, &out, &f.err),
                          f.err);
                const char *filled = base_buffer_text(&out);
                assert_null(strpbrk(filled, "{}"));
                if (l == 0) {
                    assert_false(filled[0] >= 'a' && filled[0] <= 'z');
                }
                const char *end = filled + out.n_bytes - (l == 0 ? 1 : 3);
                const bool is_ended = l == 0
                                          ? strchr(".!?\"", *end) != NULL
                                          : !strcmp(end, "。") || !strcmp(end, "！") ||
                                                !strcmp(end, "？") || !strcmp(end, "”");
                if (is_sentence != is_ended) {
                    fail_msg("%s: %s", event->name, filled);
                }
                base_buffer_release(&out);
            }
        }
        close_world(&f);
    }
}

static void templates_call_by_name_then_by_alias(void **state)
{
    (void)state;
    struct fixture f;
    open_world(&f, world_harbour, "en");
    const int32_t role[PLOT_ROLES] = {IDA, MACHINE, -1, BERGEN, -1, -1};
    struct base_buffer out;
    base_buffer_init(&out, 4096);
    assert_ok(
        plot_template_fill("{a} sees {b}. {b.he} knows {a}, and {a's} hat is {b.his}: "
                           "all at {place}.",
                           f.world, role, 0, &out, &f.err),
        f.err);
    assert_string_equal(
        base_buffer_text(&out),
        "Ida Holm sees the machine. It knows Ida, and Ida's hat is its: all in "
        "Bergen.");
    base_buffer_release(&out);
    close_world(&f);
}

static void facts_are_told_in_both_languages(void **state)
{
    (void)state;
    const int32_t who[] = {IDA, OLAV};
    struct fixture f;
    open_world(&f, world_harbour, "en");
    struct base_buffer out;
    base_buffer_init(&out, 4096);
    assert_ok(plot_graph_tell(&f.graph, who, 2, &out, &f.err), f.err);
    assert_non_null(strstr(base_buffer_text(&out), "Ida and Olav are friends."));
    assert_non_null(strstr(base_buffer_text(&out), "Olav has the sea chart."));
    assert_null(strstr(base_buffer_text(&out), "Olav and Ida"));
    assert_null(strstr(base_buffer_text(&out), "trusts"));
    base_buffer_release(&out);
    close_world(&f);
    open_world(&f, world_harbour, "zh");
    base_buffer_init(&out, 4096);
    assert_ok(plot_graph_tell(&f.graph, who, 2, &out, &f.err), f.err);
    assert_non_null(strstr(base_buffer_text(&out), "伊达和奥拉夫是朋友。"));
    base_buffer_release(&out);
    close_world(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_knows_symmetric_facts_in_either_order),
        cmocka_unit_test(events_need_what_a_reader_would_ask_for),
        cmocka_unit_test(the_dead_do_nothing_and_leave_what_they_had),
        cmocka_unit_test(captives_stay_and_others_come_to_them),
        cmocka_unit_test(an_object_is_with_one_person_or_at_one_place),
        cmocka_unit_test(an_account_of_changes_leads_from_one_graph_to_the_other),
        cmocka_unit_test(every_event_keeps_a_world_sane_and_tells_it_in_both_languages),
        cmocka_unit_test(every_template_fills_without_a_brace_left),
        cmocka_unit_test(templates_call_by_name_then_by_alias),
        cmocka_unit_test(facts_are_told_in_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
