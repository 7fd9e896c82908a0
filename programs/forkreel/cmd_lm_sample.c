/** `forkreel lm sample`: what a model writes, whatever its kind. */
#include "cli_lm.h"
#include "cmd_lm.h"

#include <stdlib.h>
#include <string.h>

static struct reel_lm_request request_of(const struct lm_words *words)
{
    const struct lm_sample_words *own = &words->sample;
    struct reel_lm_request request = reel_lm_request_default();
    request.n_tokens_max = own->n_tokens > 0 ? own->n_tokens : request.n_tokens_max;
    request.temperature = own->temperature >= 0 ? own->temperature : request.temperature;
    request.top_k = own->top_k >= 0 ? own->top_k : request.top_k;
    request.top_p = own->top_p >= 0 ? own->top_p : request.top_p;
    request.seed = words->seed;
    if (request.temperature == 0) { // the likeliest, whatever was written before
        request.repeat_cost = request.ngram_cost = request.sibling_cost = 0;
    }
    return request;
}

static enum cli_exit show_json(struct reel_lm *lm, const char *prompt,
                               const struct reel_lm_reply *reply)
{
    json_t *rows = cli_need(json_array());
    for (int32_t i = 0; i < reply->n_samples; i++) {
        const struct reel_lm_sample *sample = &reply->sample[i];
        json_array_append_new(
            rows, cli_need(json_pack(
                      "{s:o, s:i, s:o, s:b}", "text", cli_json_text(sample->text),
                      "tokens", sample->n_tokens, "logp", cli_json_real(sample->logp),
                      "ended", (int)(sample->end == REEL_LM_END_STOP))));
    }
    return cli_json_show(cli_need(
        json_pack("{s:o, s:o, s:o}", "model", cli_json_text(reel_lm_about(lm)->name),
                  "prompt", cli_json_text(prompt), "samples", rows)));
}

/** Line by line: cli_put lets no line end through. */
static void show_text(const char *prompt, const char *text)
{
    char *whole = cli_format("%s%s", prompt, text);
    for (char *line = whole, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end) {
            *end++ = '\0';
        }
        cli_put(stdout, line);
        (void)putchar('\n');
    }
    free(whole);
}

enum cli_exit lm_sample(struct cli *cli, const struct lm_words *words)
{
    struct reel_lm *lm = NULL;
    struct reel_lm_reply reply = {0};
    struct reel_error err;
    char *text = cli_words_join(words->word + 1, LM_WORDS_MAX - 1);
    const struct reel_lm_prompt prompt = {
        .text = text,
        .n_samples = words->sample.n_samples > 0 ? words->sample.n_samples : 1};
    struct reel_lm_request request = request_of(words);
    request.prompt = &prompt;
    request.n_prompts = 1;
    enum reel_status rc = cli_lm_open(cli, words->model, words->key_file, &lm, &err);
    if (rc == REEL_OK) {
        request.progress = cli_progress(cli);
        rc = reel_lm_generate(lm, &request, &reply, &err);
        reel_progress_bar_clear(&cli->bar);
    }
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = show_json(lm, text, &reply);
    } else {
        for (int32_t i = 0; i < reply.n_samples; i++) {
            show_text(text, reply.sample[i].text);
        }
    }
    reel_lm_reply_release(&reply);
    reel_lm_close(lm);
    free(text);
    return status;
}
