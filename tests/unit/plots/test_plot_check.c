#include "unit.h"
#include "write_sample.h"

#include "plot_check.h"

/** A checker and a scene in each language; nothing has happened yet. */
struct fixture {
    struct plot_world *world[2];
    struct plot_checker *checker[2];
    struct plot_graph before[2], after[2];
    struct reel_error err;
};
enum { EN, ZH };

static const char *const must_not[] = {"betrayal"};
static const char *const prompt_name[] = {"Wren"};
static const char prompt_scenes[] =
    "Wren went over the rail and dropped onto the moving ferry.";

static int set_up(void **state)
{
    static struct fixture f;
    const struct plot_check_options opt = {.n_words_max = 60,
                                           .max_age = 12,
                                           .must_not = must_not,
                                           .n_must_not = 1,
                                           .prompt_scenes = prompt_scenes,
                                           .prompt_name = prompt_name,
                                           .n_prompt_names = 1};
    for (int i = 0; i < 2; i++) {
        if (plot_world_create(write_sample, i ? "zh" : "en", &f.world[i], &f.err) ||
            plot_checker_create(f.world[i], &opt, &f.checker[i], &f.err) ||
            plot_graph_init(&f.before[i], f.world[i], &f.err) ||
            plot_graph_copy(&f.after[i], &f.before[i], &f.err)) {
            print_error("%s\n", f.err.text);
            return 1;
        }
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        plot_graph_release(&f->before[i]);
        plot_graph_release(&f->after[i]);
        plot_checker_free(f->checker[i]);
        plot_world_free(f->world[i]);
    }
    return 0;
}

static int32_t entity(struct fixture *f, const char *id)
{
    for (int32_t e = 0; e < f->world[EN]->n_entities; e++) {
        if (!strcmp(f->world[EN]->entity[e].id, id)) {
            return e;
        }
    }
    fail_msg("no entity %s", id);
    return -1;
}

static uint32_t failed_in(struct fixture *f, int language, const char *text,
                          const struct plot_step *step)
{
    static const char *const told[] = {
        "Rain ran down the windows, and Ada counted the coins in the drawer for the "
        "third "
        "time that night, while Bruno slept.",
        "雨水顺着窗子流下来，艾达那天晚上第三次数着抽屉里的硬币，布鲁诺睡着了。"};
    const struct plot_scene scene = {.before = &f->before[language],
                                     .after = &f->after[language],
                                     .step = step,
                                     .told = &told[language],
                                     .n_told = 1};
    uint32_t failed = 0;
    assert_ok(plot_check_text(f->checker[language], &scene, text, &failed, &f->err),
              f->err);
    return failed;
}

static void expect(struct fixture *f, int language, enum plot_check check,
                   const char *passing, const char *failing)
{
    const uint32_t passed = failed_in(f, language, passing, NULL),
                   failed = failed_in(f, language, failing, NULL);
    if (passed >> check & 1) {
        fail_msg("%s refuses: %s", plot_check_name(check), passing);
    }
    if (!(failed >> check & 1)) {
        fail_msg("%s lets pass: %s", plot_check_name(check), failing);
    }
}

/** Ordinary scenes fail nothing: every false alarm costs a candidate. */
static void good_scenes_fail_no_check(void **state)
{
    struct fixture *f = *state;
    static const char *const good[2][8] = {
        {"Ada shut the drawer hard. \"You told me it was safe,\" she said, and Bruno "
         "looked "
         "at the floor.",
         "Nobody spoke. Outside, a truck went by with its lights off, and Cora smiled at "
         "it.",
         "Bruno Kell had never been a good liar; tonight he did not even try.",
         "\"Friday,\" said Cora. \"After that I shall stop being patient.\"",
         "Smoke hung over the bar. Men at the tables put down their cards to watch Ada.",
         "Cora's gloves lay on the counter, and Ada pushed them back without a word.",
         "He'd promised her, and she'd believed him. I'm a fool, Ada thought.",
         "Suddenly the lamp went out, and Bruno's hand found her sleeve in the dark."},
        {"艾达重重地关上抽屉。“你说过钱很安全。”她说。布鲁诺低头看着地板。",
         "没有人说话。外面一辆卡车关着灯开了过去，科拉对着它微微一笑。",
         "布鲁诺·凯尔从来不会撒谎，今晚他连试都没有试。",
         "“星期五。”科拉说，“过了那天，我就没有耐心了。”",
         "酒吧里烟雾弥漫，桌边的男人放下手里的牌，都望着艾达。",
         "科拉的手套放在柜台上，艾达一声不响地推了回去。",
         "他答应过她，她也信了他。我真傻，艾达想。",
         "灯忽然灭了，黑暗里布鲁诺的手碰到了她的袖子。"}};
    for (int language = EN; language <= ZH; language++) {
        for (size_t i = 0; i < 8; i++) {
            const uint32_t failed = failed_in(f, language, good[language][i], NULL);
            for (unsigned c = 0; c < PLOT_N_CHECKS; c++) {
                if (failed >> c & 1) {
                    fail_msg("%s refuses: %s", plot_check_name((enum plot_check)c),
                             good[language][i]);
                }
            }
        }
    }
}

static void check_empty(void **state)
{
    expect(*state, EN, PLOT_CHECK_EMPTY, "Ada went home.", "Oh no.");
    expect(*state, EN, PLOT_CHECK_EMPTY, "Ada went home.", "");
    expect(*state, ZH, PLOT_CHECK_EMPTY, "艾达回了家。", "不行。");
}

static void check_unfinished(void **state)
{
    expect(*state, EN, PLOT_CHECK_UNFINISHED, "\"Go,\" she said.", "\"Go, she said.");
    expect(*state, EN, PLOT_CHECK_UNFINISHED, "She asked, \"Why?\"",
           "She asked him why and");
    expect(*state, EN, PLOT_CHECK_UNFINISHED, "She asked him why.", "She asked him...");
    expect(*state, ZH, PLOT_CHECK_UNFINISHED, "她问：“为什么？”", "她问：“为什么？");
    expect(*state, ZH, PLOT_CHECK_UNFINISHED, "她走出了门。", "她走出了门，");
}

static void check_too_long(void **state)
{
    char words[61 * 5 + 2] = "";
    for (int i = 0; i < 61; i++) {
        strcat(words, i % 2 ? "tree " : "moon "); // NOLINT: room is counted
    }
    expect(*state, EN, PLOT_CHECK_TOO_LONG, "Ada left.", words);
    char han[101 * 3 + 1] = "";
    for (int i = 0; i < 101; i++) {
        memcpy(han + 3 * i, i % 2 ? "月" : "树", 4);
    }
    expect(*state, ZH, PLOT_CHECK_TOO_LONG, "艾达走了。", han);
}

static void check_copies_synopsis(void **state)
{
    expect(*state, EN, PLOT_CHECK_COPIES_SYNOPSIS,
           "Cora meets Bruno on the pier and says nothing.",
           "Then Cora meets Bruno on the platform and gives him a coin.");
    expect(*state, ZH, PLOT_CHECK_COPIES_SYNOPSIS, "科拉在站台上见到了他。",
           "后来科拉在站台上见到布鲁诺，限他走。");
}

static void check_copies_ancestor(void **state)
{
    expect(*state, EN, PLOT_CHECK_COPIES_ANCESTOR,
           "Ada counted the coins again, and sighed.",
           "Again Ada counted the coins in the drawer for the fun of it.");
    expect(*state, ZH, PLOT_CHECK_COPIES_ANCESTOR, "艾达又数了一遍硬币。",
           "又是雨夜，艾达那天晚上第三次数着抽屉里的钱。");
}

static void check_copies_prompt(void **state)
{
    expect(*state, EN, PLOT_CHECK_COPIES_PROMPT, "Bruno went over the bridge.",
           "Bruno went over the rail and dropped his hat.");
}

static void check_repeats_itself(void **state)
{
    expect(*state, EN, PLOT_CHECK_REPEATS_ITSELF, "She ran to the door, and he ran too.",
           "She ran to the door and she ran to the door again.");
    expect(*state, EN, PLOT_CHECK_REPEATS_ITSELF, "No, no, she said.",
           "No, no, no, she said.");
    expect(*state, ZH, PLOT_CHECK_REPEATS_ITSELF, "她跑向门口，他也跑了过去。",
           "她慢慢地跑向门口，又慢慢地跑向门口。");
}

static void check_unknown_name(void **state)
{
    expect(*state, EN, PLOT_CHECK_UNKNOWN_NAME, "Ada Kell took the train to Boston.",
           "Ada Kell took the train with Marcus.");
    expect(*state, EN, PLOT_CHECK_UNKNOWN_NAME, "Mr. Kell paid.", "Mr. Delaney paid.");
    expect(*state, EN, PLOT_CHECK_UNKNOWN_NAME, "Everybody laughed at Bruno.",
           "Theodore laughed at Bruno.");
    expect(*state, EN, PLOT_CHECK_UNKNOWN_NAME, "\"Stay,\" said Cora.",
           "\"Stay,\" said Wren.");
    expect(*state, ZH, PLOT_CHECK_UNKNOWN_NAME, "布鲁诺看了她一眼。",
           "王建国看了她一眼。");
    expect(*state, ZH, PLOT_CHECK_UNKNOWN_NAME, "她对布鲁诺·凯尔说。",
           "她对约翰·史密斯说。");
    expect(*state, ZH, PLOT_CHECK_UNKNOWN_NAME, "科拉推开了门。", "卡特琳娜推开了门。");
    expect(*state, ZH, PLOT_CHECK_UNKNOWN_NAME, "老人推开了门。", "老李推开了门。");
}

static void planned_sentence_is_trusted_in_form(void **state)
{
    struct fixture *f = *state;
    const struct plot_schema *schema;
    assert_ok(plot_schema_get(&schema, &f->err), f->err);
    const struct plot_step step = {
        .event = plot_schema_find(schema, "quarrel"),
        .role = {entity(f, "ada"), entity(f, "bruno"), -1, -1, -1, -1},
        .sentence = "Ada counts the names: Zed, Zed, Zed.",
        .choice = ""};
    assert_int_equal(failed_in(f, EN, "Ada counts the names: Zed, Zed, Zed.", &step), 0);
    assert_int_equal(
        failed_in(f, EN, "Ada counts the names: Zed, Zed, Zed. Quentin laughs at her.",
                  &step),
        1u << PLOT_CHECK_UNKNOWN_NAME);
}

static void check_speaks_as_assistant(void **state)
{
    expect(*state, EN, PLOT_CHECK_AS_ASSISTANT, "\"I can't stay,\" Ada said.",
           "As a language model I cannot write that.");
    expect(*state, ZH, PLOT_CHECK_AS_ASSISTANT, "“我不能留下。”艾达说。",
           "好的，以下是下一场的内容。");
}

static void check_from_outside(void **state)
{
    expect(*state, EN, PLOT_CHECK_FROM_OUTSIDE, "Ada fears nothing.",
           "The camera follows Ada out of the bar.");
    expect(*state, EN, PLOT_CHECK_FROM_OUTSIDE, "The end of the bar was empty.",
           "Ada leaves the bar, and the audience holds its breath.");
    expect(*state, ZH, PLOT_CHECK_FROM_OUTSIDE, "艾达走出了酒吧。",
           "镜头跟着艾达走出酒吧。");
}

static void check_wrong_language(void **state)
{
    expect(*state, EN, PLOT_CHECK_WRONG_LANGUAGE, "Ada closed the door and went home.",
           "艾达关上门回家了。");
    expect(*state, EN, PLOT_CHECK_WRONG_LANGUAGE, "Ada closed the door and went home.",
           "Ada cierra la puerta con cuidado mientras Bruno duerme sobre mesa vieja.");
    expect(*state, ZH, PLOT_CHECK_WRONG_LANGUAGE, "艾达关上门回家了。",
           "Ada closed the door and went home.");
    expect(*state, ZH, PLOT_CHECK_WRONG_LANGUAGE, "艾达关上门，说了几句话。",
           "艾達關上門，說了幾句話。");
}

static void check_mixed_script(void **state)
{
    expect(*state, EN, PLOT_CHECK_MIXED_SCRIPT, "Ada closed the café.",
           "Ada closed the 门.");
    expect(*state, ZH, PLOT_CHECK_MIXED_SCRIPT, "艾达关上了门。", "艾达关上了door。");
}

static void check_dead_acts(void **state)
{
    struct fixture *f = *state;
    for (int i = EN; i <= ZH; i++) {
        plot_graph_set(&f->before[i], entity(f, "bruno"), PLOT_DEAD, -1, true);
    }
    expect(f, EN, PLOT_CHECK_DEAD_ACTS, "Ada stood at Bruno's grave.",
           "Bruno opens the door.");
    expect(f, ZH, PLOT_CHECK_DEAD_ACTS, "艾达站在布鲁诺的坟前。", "布鲁诺打开了门。");
    for (int i = EN; i <= ZH; i++) { // dying took what he had
        plot_graph_assign(&f->before[i], &f->after[i]);
    }
}

static void who_dies_in_the_plan_does_not_act_after_it(void **state)
{
    struct fixture *f = *state;
    static const char *const plan[] = {
        "Bruno sat down slowly, like somebody who is tired.",
        "布鲁诺慢慢坐下，像是累了。"};
    static const char *const lies[] = {" Ada knelt beside Bruno.",
                                       "艾达跪在布鲁诺身旁。"};
    static const char *const acts[] = {" Bruno smiles at Ada.", "布鲁诺朝艾达笑了。"};
    for (int i = EN; i <= ZH; i++) {
        struct plot_graph after;
        assert_ok(plot_graph_copy(&after, &f->after[i], &f->err), f->err);
        plot_graph_set(&after, entity(f, "bruno"), PLOT_DEAD, -1, true);
        const struct plot_step step = {.event = -1, .sentence = plan[i]};
        const char *told = f->world[i]->opening;
        const struct plot_scene scene = {&f->before[i], &after, &step, &told, 1};
        for (int k = 0; k < 2; k++) {
            char text[256];
            uint32_t failed = 0;
            snprintf(text, sizeof text, "%s%s", plan[i], k ? acts[i] : lies[i]);
            assert_ok(plot_check_text(f->checker[i], &scene, text, &failed, &f->err),
                      f->err);
            assert_int_equal(failed >> PLOT_CHECK_DEAD_ACTS & 1, k);
        }
        plot_graph_release(&after);
    }
}

static void check_wrong_place(void **state)
{
    expect(*state, EN, PLOT_CHECK_WRONG_PLACE, "Ada sits in the Lantern Bar.",
           "Ada sits in the station.");
    expect(*state, EN, PLOT_CHECK_WRONG_PLACE, "Ada looks towards the station.",
           "Ada waits at the station.");
    expect(*state, ZH, PLOT_CHECK_WRONG_PLACE, "艾达坐在灯笼酒吧里。",
           "艾达坐在火车站里。");
}

static void check_wrong_owner(void **state)
{
    expect(*state, EN, PLOT_CHECK_WRONG_OWNER, "Ada asked for Bruno's ledger.",
           "Cora's ledger lay on the bar.");
    expect(*state, EN, PLOT_CHECK_WRONG_OWNER, "Cora wanted the ledger.",
           "Cora held the ledger.");
    expect(*state, ZH, PLOT_CHECK_WRONG_OWNER, "艾达要布鲁诺的账本。",
           "科拉的账本放在吧台上。");
}

static void check_wrong_relation(void **state)
{
    expect(*state, EN, PLOT_CHECK_WRONG_RELATION, "Ada's brother Bruno was late.",
           "Cora's brother Bruno was late.");
    expect(*state, EN, PLOT_CHECK_WRONG_RELATION, "Bruno, Ada's brother, was late.",
           "Bruno, Ada's husband, was late.");
    expect(*state, EN, PLOT_CHECK_WRONG_RELATION, "Ada looked for her brother Bruno.",
           "Cora looked for her brother Bruno.");
    expect(*state, ZH, PLOT_CHECK_WRONG_RELATION, "艾达的弟弟布鲁诺来晚了。",
           "科拉的弟弟布鲁诺来晚了。");
}

static void check_wrong_gender(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int language;
        const char *text;
        bool is_wrong;
    } cases[] = {
        {EN, "Bruno laughs, and she laughs too.", true},
        {EN, "Bruno laughs, and his sister laughs with her hand up.", false},
        {EN, "Cora laughs, and drops his hat.", true},
        {EN, "Cora laughs, and a man drops his hat.", false},
        {ZH, "布鲁诺望着她，没有说话。", true},
        {ZH, "布鲁诺望着科拉，她没有说话。", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const int l = cases[i].language;
        const struct plot_scene alone = {.before = &f->before[l], .after = &f->after[l]};
        uint32_t failed = 0;
        assert_ok(plot_check_text(f->checker[l], &alone, cases[i].text, &failed, &f->err),
                  f->err);
        assert_int_equal(failed >> PLOT_CHECK_WRONG_GENDER & 1, cases[i].is_wrong);
    }
}

static void check_forbidden_event(void **state)
{
    struct fixture *f = *state;
    expect(f, EN, PLOT_CHECK_FORBIDDEN_EVENT, "Cora almost hit Bruno.",
           "Cora killed Bruno.");
    expect(f, EN, PLOT_CHECK_FORBIDDEN_EVENT, "Bruno left her.", "Bruno betrayed her.");
    expect(f, ZH, PLOT_CHECK_FORBIDDEN_EVENT, "科拉瞪着布鲁诺。", "科拉杀死了布鲁诺。");
    // what is planned may happen
    const struct plot_schema *schema;
    assert_ok(plot_schema_get(&schema, &f->err), f->err);
    struct plot_step step = {
        .event = plot_schema_find(schema, "killing"),
        .role = {entity(f, "cora"), entity(f, "bruno"), -1, -1, -1, -1},
        .sentence = "Cora shoots Bruno.",
        .choice = ""};
    assert_true(step.event >= 0);
    assert_false(
        failed_in(f, EN, "Cora killed Bruno.", &step) >> PLOT_CHECK_FORBIDDEN_EVENT & 1);
}

static void check_above_age(void **state)
{
    expect(*state, EN, PLOT_CHECK_ABOVE_AGE, "Ada drank her tea.",
           "Bruno was naked and drunk.");
    expect(*state, ZH, PLOT_CHECK_ABOVE_AGE, "艾达喝着茶。", "布鲁诺想自杀。");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_scenes_fail_no_check),
        cmocka_unit_test(check_empty),
        cmocka_unit_test(check_unfinished),
        cmocka_unit_test(check_too_long),
        cmocka_unit_test(check_copies_synopsis),
        cmocka_unit_test(check_copies_ancestor),
        cmocka_unit_test(check_copies_prompt),
        cmocka_unit_test(check_repeats_itself),
        cmocka_unit_test(check_unknown_name),
        cmocka_unit_test(planned_sentence_is_trusted_in_form),
        cmocka_unit_test(check_speaks_as_assistant),
        cmocka_unit_test(check_from_outside),
        cmocka_unit_test(check_wrong_language),
        cmocka_unit_test(check_mixed_script),
        cmocka_unit_test(check_dead_acts),
        cmocka_unit_test(who_dies_in_the_plan_does_not_act_after_it),
        cmocka_unit_test(check_wrong_place),
        cmocka_unit_test(check_wrong_owner),
        cmocka_unit_test(check_wrong_relation),
        cmocka_unit_test(check_wrong_gender),
        cmocka_unit_test(check_forbidden_event),
        cmocka_unit_test(check_above_age),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
