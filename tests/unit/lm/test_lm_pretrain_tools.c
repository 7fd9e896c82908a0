/** What is trained here, continued by stock llama.cpp: the same text, the same tokens. */
#include "lm_pretrain_text.h"
#include "unit.h"

#include <forkreel/lm.h>

enum { N_WRITTEN = 40 };

/** All that llama-completion wrote; false: its log was not written out before it exited. */
static bool run_completion(const char *model, const char *prompt, char *text, size_t room)
{
    const char *tools = getenv("FORKREEL_LLAMA_TOOLS");
    char command[1024];
    assert_non_null(tools);
    (void)snprintf(command, sizeof command,
                   "%s/llama-completion -m %s -p '%s' -n %d --temp 0 -t 1 -no-cnv "
                   "--no-warmup --no-display-prompt 2>%s/stderr </dev/null",
                   tools, model, prompt, N_WRITTEN, home);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    const size_t n = fread(text, 1, room - 1, out);
    assert_int_equal(pclose(out), 0);
    text[n] = 0;
    return n >= 2 && strcmp(text + n - 2, "\n\n") == 0;
}

/** What llama-completion writes greedily behind a prompt. */
static char *complete(const char *model, const char *prompt)
{
    static char text[4096];
    static const char end[] = " [end of text]";
    // It writes by a thread that may lose the rest when the program ends.
    for (int i = 0; i < 50 && !run_completion(model, prompt, text, sizeof text); i++) {
    }
    char *at = strstr(text, end);
    if (at) {
        *at = 0;
    }
    for (size_t i = strlen(text); i > 0 && text[i - 1] == '\n'; i--) {
        text[i - 1] = 0;
    }
    return text;
}

static const char *continue_here(struct reel_lm *lm, const char *prompt,
                                 struct reel_lm_reply *reply)
{
    const struct reel_lm_prompt one = {.text = prompt, .n_samples = 1};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_error err;
    request.prompt = &one;
    request.n_prompts = 1;
    request.n_tokens_max = N_WRITTEN;
    request.temperature = 0;
    request.repeat_cost = request.ngram_cost = request.sibling_cost = 0;
    assert_ok(reel_lm_generate(lm, &request, reply, &err), err);
    return reply->sample[0].text;
}

static void llama_completion_goes_on_with_the_same_text(void **state)
{
    (void)state;
    static const char *const prompt[] = {
        "Anna", "Boris hides in", "\xe7\x8e\x8b\xe8\x8a\xb3", "Nobody knows 12", "  So"};
    struct reel_lm_pretrained made;
    struct reel_lm_pretrain_options opt = small_options(path_of("tools"));
    struct reel_lm_options lm_opt = reel_lm_options_default();
    struct reel_lm *lm;
    struct reel_error err;
    char model[128];
    (void)snprintf(model, sizeof model, "%s/model.gguf", home);
    opt.n_steps = 150;
    opt.judge_steps = 50;
    assert_ok(reel_lm_pretrain(model, &opt, &made, &err), err);
    assert_ok(reel_lm_open(model, &lm_opt, &lm, &err), err);
    for (size_t i = 0; i < COUNT_OF(prompt); i++) {
        struct reel_lm_reply reply;
        const char *here = continue_here(lm, prompt[i], &reply);
        assert_true(strlen(here) > 20);
        assert_string_equal(complete(model, prompt[i]), here);
        reel_lm_reply_release(&reply);
    }
    reel_lm_close(lm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_completion_goes_on_with_the_same_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
