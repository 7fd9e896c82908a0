#include "unit.h"

#include "plot_prompt.h"

#include <stdlib.h>

static struct plot_world world = {.language = "en",
                                  .title = "The Lantern",
                                  .genre = "Crime, Drama",
                                  .setting = "A harbour town.",
                                  .time = "",
                                  .opening = "",
                                  .synopsis = ""};

/** The prompt of a scene as a new string; free it. */
static char *made(const char *language, const struct plot_prompt *prompt, int kind)
{
    struct plot_prompts *prompts;
    struct reel_error err;
    struct base_buffer out;
    base_buffer_init(&out, 1 << 20);
    assert_ok(plot_prompts_create(language, &prompts, &err), err);
    assert_true(kind == 0   ? plot_prompt_add(prompts, prompt, &out)
                : kind == 1 ? plot_prompt_add_instruction(prompts, prompt, &out)
                            : plot_prompt_add_plain(prompts, prompt, &out));
    char *text = strdup(base_buffer_text(&out));
    base_buffer_release(&out);
    plot_prompts_free(prompts);
    return text;
}

static struct plot_prompt scene(const char *genre, const char *tone, const char *note)
{
    return (struct plot_prompt){.world = &world,
                                .genre = genre,
                                .tone = tone,
                                .facts = "Ada is here.",
                                .note_before = "Ada waits.",
                                .before = "Ada waited by the door.",
                                .note = note};
}

static void prompt_ends_where_the_scene_begins(void **state)
{
    (void)state;
    const struct plot_prompt prompt = scene("Crime", NULL, "Ada leaves.");
    char *text = made("en", &prompt, 0);
    const char *end = "Beginning: Ada waits.\nThen: Ada waited by the door.\n\n"
                      "Beginning: Ada leaves.\nThen:";
    assert_true(strlen(text) > strlen(end));
    assert_string_equal(text + strlen(text) - strlen(end), end);
    assert_non_null(strstr(text, "Film: The Lantern (Crime). A harbour town."));
    assert_non_null(strstr(text, "Now: Ada is here."));
    free(text);
}

static void siblings_share_all_but_the_note(void **state)
{
    (void)state;
    const struct plot_prompt x = scene("Crime", NULL, "Ada leaves."),
                             y = scene("Crime", NULL, "Bruno leaves.");
    char *text_x = made("en", &x, 0), *text_y = made("en", &y, 0);
    size_t n = 0;
    while (text_x[n] && text_x[n] == text_y[n]) {
        n++;
    }
    assert_string_equal(text_x + n, "Ada leaves.\nThen:");
    free(text_x);
    free(text_y);
}

static void pairs_follow_genre_and_tone(void **state)
{
    (void)state;
    const struct plot_prompt crime = scene("Crime, Drama", NULL, "x"),
                             horror = scene("Horror", NULL, "x"),
                             dark = scene("Crime, Drama", "dark", "x");
    char *text_crime = made("en", &crime, 0), *text_horror = made("en", &horror, 0),
         *text_dark = made("en", &dark, 0);
    assert_non_null(strstr(text_crime, "moving ferry"));
    assert_null(strstr(text_crime, "The chalk"));
    assert_non_null(strstr(text_horror, "The chalk"));
    assert_non_null(strstr(text_dark, "moving ferry"));
    assert_string_not_equal(text_dark, text_crime);
    free(text_crime);
    free(text_horror);
    free(text_dark);
}

static void chinese_prompt_is_chinese(void **state)
{
    (void)state;
    world.title = "灯笼";
    world.setting = "雨中的港口小城。";
    struct plot_prompt prompt = scene("Crime, Drama", NULL, "艾达走了。");
    prompt.facts = "艾达在酒吧里。";
    prompt.note_before = "艾达在等。";
    prompt.before = "艾达站在门边等。";
    char *text = made("zh", &prompt, 0);
    assert_non_null(strstr(text, "电影：《灯笼》（犯罪、剧情）。雨中的港口小城。"));
    for (const char *at = text; *at; at++) {
        assert_false((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z'));
    }
    free(text);
    world.title = "The Lantern";
    world.setting = "A harbour town.";
}

static void free_text_has_no_note(void **state)
{
    (void)state;
    struct plot_prompt prompt = scene("Crime", NULL, NULL);
    char *text = made("en", &prompt, 0);
    const char *end = "Then: Ada waited by the door.\n\nThen:";
    assert_string_equal(text + strlen(text) - strlen(end), end);
    free(text);
}

static void instruction_and_plain_way_are_filled(void **state)
{
    (void)state;
    struct plot_prompt prompt = scene("Crime", NULL, "Ada leaves.");
    prompt.story = "Once.";
    char *told = made("en", &prompt, 1), *plain = made("en", &prompt, 2);
    assert_non_null(strstr(told, "Ada leaves."));
    assert_non_null(strstr(told, "Ada waited by the door."));
    assert_null(strchr(told, '{'));
    assert_non_null(strstr(plain, "Once."));
    assert_null(strstr(plain, "Ada leaves."));
    assert_null(strchr(plain, '{'));
    free(told);
    free(plain);
}

static void language_without_prompts_is_refused(void **state)
{
    (void)state;
    struct plot_prompts *prompts;
    struct reel_error err;
    assert_int_equal(plot_prompts_create("fr", &prompts, &err), REEL_EINVAL);
    assert_null(prompts);
}

static void every_language_has_sets_alike(void **state)
{
    (void)state;
    struct plot_prompts *prompts;
    struct reel_error err;
    int32_t n_en = 0, n_zh = 0;
    assert_ok(plot_prompts_create("en", &prompts, &err), err);
    assert_true(*plot_prompts_version(prompts) &&
                strlen(plot_prompts_scenes(prompts)) > 2000);
    plot_prompts_names(prompts, &n_en);
    plot_prompts_free(prompts);
    assert_ok(plot_prompts_create("zh", &prompts, &err), err);
    assert_true(*plot_prompts_version(prompts) &&
                strlen(plot_prompts_scenes(prompts)) > 2000);
    plot_prompts_names(prompts, &n_zh);
    plot_prompts_free(prompts);
    assert_int_equal(n_en, n_zh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_ends_where_the_scene_begins),
        cmocka_unit_test(siblings_share_all_but_the_note),
        cmocka_unit_test(pairs_follow_genre_and_tone),
        cmocka_unit_test(chinese_prompt_is_chinese),
        cmocka_unit_test(free_text_has_no_note),
        cmocka_unit_test(instruction_and_plain_way_are_filled),
        cmocka_unit_test(language_without_prompts_is_refused),
        cmocka_unit_test(every_language_has_sets_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
