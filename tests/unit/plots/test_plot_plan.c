/** Plans reach what must happen, avoid what must not, end as asked, and stay sane. */
#include "plot_plan.h"

#include "base_alloc.h"
#include "base_rng.h"
#include "plot_worlds.h"
#include "unit.h"

#include <math.h>

enum { N_STEPS = 16, DEPTH_MAX = 8 };

struct plan {
    const struct plot_schema *schema;
    struct plot_world *world;
    struct plot_planner *planner;
    struct plot_graph graph;
    struct plot_step path[DEPTH_MAX];
    int32_t n_path;
    struct reel_error err;
};

static struct reel_fork_options options(uint64_t seed)
{
    return (struct reel_fork_options){.max_age = -1, .seed = seed};
}

static void open_plan(struct plan *p, const char *json, const char *language,
                      const struct reel_fork_options *opt)
{
    *p = (struct plan){0};
    assert_ok(plot_schema_get(&p->schema, &p->err), p->err);
    assert_ok(plot_world_create(json, language, &p->world, &p->err), p->err);
    assert_ok(plot_planner_create(p->world, opt, &p->planner, &p->err), p->err);
    assert_ok(plot_graph_init(&p->graph, p->world, &p->err), p->err);
}

static void close_plan(struct plan *p)
{
    plot_graph_release(&p->graph);
    plot_planner_free(p->planner);
    plot_world_free(p->world);
}

static const struct plot_event *event_of(const struct plan *p, const struct plot_step *s)
{
    return &p->schema->event[s->event];
}

/** Promises of the header about one offer. */
static void check_steps(const struct plan *p, const struct plot_step *step, int32_t n,
                        int32_t depth_left)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct plot_event *e = event_of(p, &step[i]);
        sum += step[i].p;
        assert_true(plot_graph_allows(&p->graph, e, step[i].role));
        assert_true(step[i].p > 0 && (i == 0 || step[i].p <= step[i - 1].p));
        assert_non_null(step[i].sentence);
        assert_non_null(step[i].choice);
        assert_null(strpbrk(step[i].sentence, "{}"));
        assert_int_equal(step[i].is_ending, depth_left == 0);
        assert_true(depth_left > 0 || e->ending);
        for (int32_t k = 0; k < i; k++) {
            assert_true(step[k].event != step[i].event ||
                        memcmp(step[k].role, step[i].role, sizeof step[i].role) != 0);
        }
        for (int r = PLOT_A; r <= PLOT_C; r++) {
            assert_true(step[i].role[r] < 0 ||
                        !plot_graph_holds(&p->graph, step[i].role[r], PLOT_DEAD, -1));
            assert_true(step[i].role[r] < 0 || e->creature_roles & 1U << r ||
                        strcmp(p->world->role_in_story[step[i].role[r]], "creature"));
        }
    }
    assert_true(n == 0 || fabs(sum - 1) < 1e-9);
}

/** Walk down, choosing by `rng`; every offer is checked. */
static void walk(struct plan *p, int32_t depth, struct base_rng *rng)
{
    for (int32_t left = depth - 1; left >= 0; left--) {
        struct plot_step step[N_STEPS];
        int32_t n = 0;
        assert_ok(plot_plan_next(p->planner, &p->graph, p->path, p->n_path, left, N_STEPS,
                                 step, &n, &p->err),
                  p->err);
        assert_true(n > 0);
        check_steps(p, step, n, left);
        const struct plot_step *s = &step[base_rng_below(rng, (uint32_t)n)];
        p->path[p->n_path++] = *s;
        plot_graph_happen(&p->graph, event_of(p, s), s->role);
    }
}

static bool is_on_path(const struct plan *p, const char *name)
{
    for (int32_t i = 0; i < p->n_path; i++) {
        if (!strcmp(event_of(p, &p->path[i])->name, name)) {
            return true;
        }
    }
    return false;
}

static void random_paths_never_contradict_and_always_end(void **state)
{
    (void)state;
    static const struct {
        const char *json, *language;
        int32_t depth;
    } worlds[] = {{world_harbour, "en", 6},
                  {world_harbour, "zh", 6},
                  {world_two, "en", 4},
                  {world_alone, "zh", 4}};
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (size_t w = 0; w < COUNT_OF(worlds); w++) {
            struct plan p;
            struct base_rng rng;
            struct reel_fork_options opt = options(seed);
            opt.method = (enum reel_method)(seed % 4 == 2 ? 3 : seed % 4);
            base_rng_init(&rng, seed, w);
            open_plan(&p, worlds[w].json, worlds[w].language, &opt);
            walk(&p, worlds[w].depth, &rng);
            close_plan(&p);
        }
    }
}

static void what_must_happen_happens_on_every_path(void **state)
{
    (void)state;
    static const char *const musts[][3] = {{"betrayal", "rescue"},
                                           {"wedding"},
                                           {"escape"},
                                           {"trial", "revenge"},
                                           {"blackmail", "heist", "apology"},
                                           {"mercy"}};
    for (uint64_t seed = 0; seed < 12; seed++) {
        for (size_t m = 0; m < COUNT_OF(musts); m++) {
            struct reel_fork_options opt = options(seed);
            opt.must = musts[m];
            while (opt.n_must < 3 && musts[m][opt.n_must]) {
                opt.n_must++;
            }
            struct plan p;
            struct base_rng rng;
            base_rng_init(&rng, seed, m);
            open_plan(&p, world_harbour, "en", &opt);
            walk(&p, 5, &rng);
            for (int32_t i = 0; i < opt.n_must; i++) {
                assert_true(is_on_path(&p, musts[m][i]));
            }
            close_plan(&p);
        }
    }
}

static void what_must_not_happen_does_not(void **state)
{
    (void)state;
    static const char *const never[] = {"quarrel", "chase", "confession", "promise"};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct reel_fork_options opt = options(seed);
        opt.must_not = never;
        opt.n_must_not = 4;
        opt.max_age = 0;
        struct plan p;
        struct base_rng rng;
        base_rng_init(&rng, seed, 0);
        open_plan(&p, world_harbour, "en", &opt);
        walk(&p, 6, &rng);
        for (int32_t i = 0; i < p.n_path; i++) {
            assert_int_equal(event_of(&p, &p.path[i])->min_age, 0);
        }
        for (size_t i = 0; i < COUNT_OF(never); i++) {
            assert_false(is_on_path(&p, never[i]));
        }
        close_plan(&p);
    }
}

static void stories_end_as_they_are_asked_to(void **state)
{
    (void)state;
    static const char *const endings[] = {"happy", "bittersweet", "tragic", "open"};
    static const char *const worlds[] = {world_harbour, world_two, world_alone};
    for (uint64_t seed = 0; seed < 10; seed++) {
        for (size_t e = 0; e < COUNT_OF(endings); e++) {
            for (size_t w = 0; w < COUNT_OF(worlds); w++) {
                struct reel_fork_options opt = options(seed);
                opt.ending = endings[e];
                opt.max_age = seed % 2 ? 0 : -1;
                struct plan p;
                struct base_rng rng;
                base_rng_init(&rng, seed, w);
                open_plan(&p, worlds[w], w == 2 ? "zh" : "en", &opt);
                walk(&p, 3, &rng);
                assert_string_equal(event_of(&p, &p.path[2])->ending, endings[e]);
                close_plan(&p);
            }
        }
    }
}

static void same_seed_and_path_give_the_same_steps_and_other_seeds_others(void **state)
{
    (void)state;
    struct plot_step step[3][N_STEPS];
    int32_t n[3];
    struct plan p[3];
    for (int i = 0; i < 3; i++) {
        const struct reel_fork_options opt = options(i == 2 ? 99 : 5);
        open_plan(&p[i], world_harbour, "en", &opt);
        assert_ok(plot_plan_next(p[i].planner, &p[i].graph, NULL, 0, 3, N_STEPS, step[i],
                                 &n[i], &p[i].err),
                  p[i].err);
    }
    assert_int_equal(n[0], n[1]);
    for (int32_t i = 0; i < n[0]; i++) {
        assert_string_equal(step[0][i].sentence, step[1][i].sentence);
        assert_true(step[0][i].p == step[1][i].p);
    }
    int n_same = 0;
    for (int32_t i = 0; i < n[0] && i < n[2]; i++) {
        n_same += !strcmp(step[0][i].sentence, step[2][i].sentence);
    }
    assert_true(n_same < n[0]);
    for (int i = 0; i < 3; i++) {
        close_plan(&p[i]);
    }
}

static void siblings_differ_in_event_and_in_choice(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct reel_fork_options opt = options(seed);
        struct plan p;
        struct plot_step step[4];
        int32_t n, n_pairs = 0;
        open_plan(&p, world_harbour, "en", &opt);
        assert_ok(plot_plan_next(p.planner, &p.graph, NULL, 0, 3, 4, step, &n, &p.err),
                  p.err);
        assert_int_equal(n, 4);
        for (int32_t i = 0; i < n; i++) {
            for (int32_t k = 0; k < i; k++) {
                n_pairs += step[i].event == step[k].event;
                assert_string_not_equal(step[i].choice, step[k].choice);
                assert_string_not_equal(step[i].sentence, step[k].sentence);
            }
        }
        assert_true(n_pairs <= 2);
        close_plan(&p);
    }
}

static void transitions_learned_from_choices_are_followed(void **state)
{
    (void)state;
    static const struct reel_transition learned[] = {{"promise", "performance", 500},
                                                     {"nonsense", "gift", 9}};
    int n_learned = 0, n_plain = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        for (int i = 0; i < 2; i++) {
            struct reel_fork_options opt = options(seed);
            opt.method = REEL_METHOD_DATA;
            opt.transition = learned;
            opt.n_transitions = i == 0 ? 2 : 0;
            struct plan p;
            struct plot_step step[3];
            int32_t n;
            open_plan(&p, world_harbour, "en", &opt); // the opening ends with a promise
            assert_ok(
                plot_plan_next(p.planner, &p.graph, NULL, 0, 3, 3, step, &n, &p.err),
                p.err);
            const bool is_first = !strcmp(event_of(&p, &step[0])->name, "performance");
            *(i == 0 ? &n_learned : &n_plain) += is_first;
            close_plan(&p);
        }
    }
    assert_true(n_learned >= 12);
    assert_true(n_plain < 4);
}

static void planner_says_what_cannot_be(void **state)
{
    (void)state;
    static const char *const wedding[] = {"wedding"}, *const typo[] = {"betrayel"};
    static const char *const heist[] = {"heist"};
    static const char *const many[] = {"betrayal", "rescue", "gift", "loss"};
    struct plan p;
    struct plot_step step[4];
    int32_t n;
    struct reel_fork_options opt = options(1);
    opt.must = many;
    opt.n_must = 4;
    open_plan(&p, world_harbour, "en", &opt);
    assert_int_equal(plot_plan_next(p.planner, &p.graph, NULL, 0, 1, 4, step, &n, &p.err),
                     REEL_EFAIL);
    assert_string_equal(p.err.text,
                        "what must happen takes 4 steps with an ending, but 2 are left");
    close_plan(&p);
    opt.must = heist;
    opt.n_must = 1;
    open_plan(&p, world_two, "en", &opt);
    assert_int_equal(plot_plan_next(p.planner, &p.graph, NULL, 0, 3, 4, step, &n, &p.err),
                     REEL_EFAIL);
    assert_string_equal(p.err.text,
                        "'heist' must happen but cannot: there is no object for it");
    close_plan(&p);
    opt.must = wedding;
    open_plan(&p, world_two, "en", &opt);
    assert_int_equal(plot_plan_next(p.planner, &p.graph, NULL, 0, 0, 4, step, &n, &p.err),
                     REEL_EFAIL);
    assert_non_null(strstr(p.err.text, "'wedding' must happen but cannot any more"));
    close_plan(&p);

    struct plot_world *world;
    struct plot_planner *planner;
    assert_ok(plot_world_create(world_two, "en", &world, &p.err), p.err);
    opt.must = typo;
    assert_int_equal(plot_planner_create(world, &opt, &planner, &p.err), REEL_EINVAL);
    assert_string_equal(p.err.text,
                        "there is no event 'betrayel'; did you mean betrayal?");
    opt.must = opt.must_not = wedding;
    opt.n_must_not = 1;
    assert_int_equal(plot_planner_create(world, &opt, &planner, &p.err), REEL_EINVAL);
    opt = options(1);
    opt.tone = "loud";
    assert_int_equal(plot_planner_create(world, &opt, &planner, &p.err), REEL_EINVAL);
    opt = options(1);
    opt.genre = "Drama, Opera";
    assert_int_equal(plot_planner_create(world, &opt, &planner, &p.err), REEL_EINVAL);
    opt = options(1);
    opt.ending = "sad";
    assert_int_equal(plot_planner_create(world, &opt, &planner, &p.err), REEL_EINVAL);
    assert_null(planner);
    plot_world_free(world);
}

static void genres_change_what_is_offered(void **state)
{
    (void)state;
    static const char *const genres[] = {"Action", "Romance"};
    double inner[2] = {0}, intensity[2] = {0};
    for (int g = 0; g < 2; g++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct reel_fork_options opt = options(seed);
            opt.genre = genres[g];
            opt.method = REEL_METHOD_GRAPH;
            struct plan p;
            struct plot_step step[8];
            int32_t n;
            open_plan(&p, world_harbour, "en", &opt);
            assert_ok(
                plot_plan_next(p.planner, &p.graph, NULL, 0, 3, 8, step, &n, &p.err),
                p.err);
            for (int32_t i = 0; i < n; i++) {
                inner[g] += event_of(&p, &step[i])->change == PLOT_INNER ? step[i].p : 0;
                intensity[g] += step[i].p * event_of(&p, &step[i])->intensity;
            }
            close_plan(&p);
        }
    }
    assert_true(inner[1] > 2 * inner[0]);
    assert_true(intensity[0] > intensity[1] + 20 * .1);
}

static void plan_is_made_or_memory_is_short(void **state)
{
    (void)state;
    struct plan p;
    const struct reel_fork_options opt = options(3);
    open_plan(&p, world_harbour, "en", &opt);
    for (long n_allowed = 0;; n_allowed++) {
        struct plot_planner *planner = NULL;
        struct plot_step step[4];
        int32_t n = 0;
        base_alloc_fail_after(n_allowed);
        enum reel_status rc = plot_planner_create(p.world, &opt, &planner, &p.err);
        if (rc == REEL_OK) {
            rc = plot_plan_next(planner, &p.graph, NULL, 0, 2, 4, step, &n, &p.err);
        }
        base_alloc_fail_after(-1);
        plot_planner_free(planner);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_int_equal(n, 0);
    }
    close_plan(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_paths_never_contradict_and_always_end),
        cmocka_unit_test(what_must_happen_happens_on_every_path),
        cmocka_unit_test(what_must_not_happen_does_not),
        cmocka_unit_test(stories_end_as_they_are_asked_to),
        cmocka_unit_test(same_seed_and_path_give_the_same_steps_and_other_seeds_others),
        cmocka_unit_test(siblings_differ_in_event_and_in_choice),
        cmocka_unit_test(transitions_learned_from_choices_are_followed),
        cmocka_unit_test(planner_says_what_cannot_be),
        cmocka_unit_test(genres_change_what_is_offered),
        cmocka_unit_test(plan_is_made_or_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
