/** `forkreel lm`: its verbs, and `list`, the language models on this machine. */
#include "cmd_lm.h"
#include "cli_commands.h"
#include "cli_lm.h"

#include <forkreel/lm_files.h>
#include <forkreel/lm_train.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

struct lm_list {
    struct cli *cli;
    struct cli_table table; /* when not JSON */
    json_t *json;           /* when JSON */
    int n_models;
};

/** How the file is kept in the form that was tuned; "" when it is not. */
static void lm_tuned_type(const struct lm_list *list, const char *path, char *type,
                          size_t n_type_bytes)
{
    char tuned[REEL_LM_PATH_BYTES];
    struct reel_lm_info info;
    type[0] = '\0';
    if (reel_lm_tuned_path(list->cli->home, path, tuned, NULL) == REEL_OK &&
        strcmp(tuned, path) != 0 && reel_lm_info_read(tuned, &info, NULL) == REEL_OK) {
        (void)snprintf(type, n_type_bytes, "%s", info.file_type);
    }
}

static int is_gguf(const struct dirent *entry)
{
    const size_t n = strlen(entry->d_name);
    return n > 5 && strcasecmp(entry->d_name + n - 5, ".gguf") == 0;
}

static void lm_show_json(struct lm_list *list, const char *path,
                         const struct reel_lm_info *info)
{
    char tuned[64];
    lm_tuned_type(list, path, tuned, sizeof tuned);
    json_array_append_new(
        list->json,
        cli_need(
            json_pack("{s:o, s:o, s:o, s:o, s:I, s:i, s:i, s:i, s:i, s:b, s:b, s:I, s:o}",
                      "path", cli_json_text(path), "name", cli_json_text(info->name),
                      "architecture", cli_json_text(info->architecture), "file_type",
                      cli_json_text(info->file_type), "n_parameters",
                      (json_int_t)info->n_parameters, "n_context", info->n_context,
                      "n_vocabulary", info->n_vocabulary, "n_embedding",
                      info->n_embedding, "n_layers", info->n_layers, "has_chat_template",
                      (int)info->has_chat_template, "is_embedder", (int)info->is_embedder,
                      "file_bytes", (json_int_t)info->file_bytes, "tuned",
                      cli_json_text(*tuned ? tuned : NULL))));
}

static void lm_show_line(struct lm_list *list, const char *path,
                         const struct reel_lm_info *info)
{
    struct cli_table *table = &list->table;
    char tuned[64];
    lm_tuned_type(list, path, tuned, sizeof tuned);
    cli_table_line(table);
    cli_table_text(table, info->name[0] ? info->name : strrchr(path, '/') + 1);
    cli_table_text(table, info->architecture);
    cli_table_text(table, info->is_embedder ? tr("embeds") : tr("continues"));
    cli_table_cell(table, "%.0f M", (double)info->n_parameters / 1e6);
    cli_table_text(table, info->file_type);
    cli_table_text(table, tuned);
    cli_table_cell(table, "%d", info->n_context);
    cli_table_cell(table, "%d", info->n_vocabulary);
    cli_table_cell(table, "%.0f MB", (double)info->file_bytes / 1e6);
    cli_table_text(table, path);
}

/** A damaged file is told on standard error; the others are still listed. */
static void lm_list_file(struct lm_list *list, const char *path)
{
    struct reel_lm_info info;
    struct reel_error err;
    if (reel_lm_info_read(path, &info, &err) != REEL_OK) {
        cli_say(list->cli, "%s", err.text);
        return;
    }
    list->n_models++;
    if (list->cli->is_json) {
        lm_show_json(list, path, &info);
    } else {
        lm_show_line(list, path, &info);
    }
}

static void lm_list_folder(struct lm_list *list, const char *folder)
{
    struct dirent **entry = NULL;
    const int n = scandir(folder, &entry, is_gguf, alphasort); // -1: no such folder
    for (int i = 0; i < n; i++) {
        char *path = cli_format("%s/%s", folder, entry[i]->d_name);
        lm_list_file(list, path);
        free(path);
        free(entry[i]);
    }
    free(entry);
}

static enum cli_exit lm_list(struct cli *cli, const struct lm_words *words)
{
    static const struct cli_column columns[] = {
        {"model", CLI_SHRINK},     {"architecture", CLI_LEFT}, {"does", CLI_LEFT},
        {"parameters", CLI_RIGHT}, {"weights", CLI_LEFT},      {"tuned", CLI_LEFT},
        {"context", CLI_RIGHT},    {"vocabulary", CLI_RIGHT},  {"file size", CLI_RIGHT},
        {"file", CLI_SHRINK},
    };
    (void)words;
    struct lm_list list = {.cli = cli};
    char *home = cli_home_path(cli, "models"), *cache = cli_lm_cache();
    if (cli->is_json) {
        list.json = cli_need(json_array());
    } else {
        cli_table_init(&list.table, columns, sizeof columns / sizeof *columns);
    }
    lm_list_folder(&list, home);
    if (strcmp(home, cache) != 0) {
        lm_list_folder(&list, cache);
    }
    enum cli_exit status = CLI_DONE;
    if (cli->is_json) {
        status = cli_json_show(list.json);
    } else {
        if (list.n_models > 0) {
            cli_table_show(&list.table);
        } else {
            cli_say(cli, tr("there is no GGUF file in %s or %s"), home, cache);
        }
        cli_table_release(&list.table);
    }
    free(home);
    free(cache);
    return status;
}

// ---- verbs ----

static const struct lm_verb {
    const char *name;
    int n_words_min, n_words_max; /* the verb itself counted */
    const char *options;          /* their long names, each with a blank after it */
    enum cli_exit (*run)(struct cli *cli, const struct lm_words *words);
} verbs[] = {
    {"list", 1, 1, "", lm_list},
    {"pull", 1, 2, "sha256 no-checksum max-gb ", lm_pull},
    {"tune", 1, 2, "types max-rise ", lm_tune},
    {"quantize", 3, 4, "", lm_quantize},
    {"perplexity", 1, 1, "model key-file ", lm_perplexity},
    {"pretrain", 1, LM_WORDS_MAX,
     "arch text out order blanks memory kind words embedding hidden context no-direct "
     "epochs batch rate dropout valid patience run seed documents vocabulary layers "
     "width "
     "heads kv-heads steps part warmup decay clip judge-steps checkpoint prompt resume ",
     lm_pretrain},
    {"finetune", 1, 2,
     "base method data from out targets rank alpha prefix hidden adapter context epochs "
     "batch steps rate warmup decay clip valid judge-steps patience checkpoint run seed "
     "resume ",
     lm_finetune},
    {"convert", 3, 3, "", lm_convert},
    {"sample", 1, LM_WORDS_MAX,
     "model key-file number tokens temperature top-k top-p seed ", lm_sample},
    {"embed", 1, 1, "model key-file ", lm_embed},
    {"runs", 1, 2, "svg ", lm_runs},
};
enum { N_VERBS = sizeof verbs / sizeof *verbs };

enum {
    KEY_SHA256 = 0x2000,
    KEY_NO_CHECKSUM,
    KEY_MAX_GB,
    KEY_TYPES,
    KEY_RISE,
    KEY_KEY_FILE,
    KEY_ARCH,
    KEY_TEXT,
    KEY_ORDER,
    KEY_BLANKS,
    KEY_MEMORY,
    KEY_TOKENS,
    KEY_TEMPERATURE,
    KEY_TOP_K,
    KEY_TOP_P,
    KEY_SEED,
    KEY_SVG,
    KEY_KIND,
    KEY_WORDS,
    KEY_EMBEDDING,
    KEY_HIDDEN,
    KEY_CONTEXT,
    KEY_NO_DIRECT,
    KEY_EPOCHS,
    KEY_BATCH,
    KEY_RATE,
    KEY_DROPOUT,
    KEY_VALID,
    KEY_PATIENCE,
    KEY_RUN,
    KEY_DOCUMENTS,
    KEY_VOCABULARY,
    KEY_LAYERS,
    KEY_WIDTH,
    KEY_HEADS,
    KEY_KV_HEADS,
    KEY_STEPS,
    KEY_PART,
    KEY_WARMUP,
    KEY_DECAY,
    KEY_CLIP,
    KEY_JUDGE_STEPS,
    KEY_CHECKPOINT,
    KEY_PROMPT,
    KEY_RESUME,
    KEY_BASE,
    KEY_METHOD,
    KEY_DATA,
    KEY_FROM,
    KEY_TARGETS,
    KEY_RANK,
    KEY_ALPHA,
    KEY_PREFIX,
    KEY_ADAPTER
};

static const struct argp_option options[] = {
    {"sha256", KEY_SHA256, "HEX", 0, "pull: what the file must have", 0},
    {"no-checksum", KEY_NO_CHECKSUM, NULL, 0, "pull: take an address without a checksum",
     0},
    {"max-gb", KEY_MAX_GB, "N", 0, "pull: not more than that; default 64", 0},
    {"types", KEY_TYPES, "NAME,...", 0,
     "tune: which file types; default Q8_0,Q6_K,Q5_K_M,Q4_K_M,Q4_0,F16", 0},
    {"max-rise", KEY_RISE, "PERCENT", 0,
     "tune: how much worse the text may become; default 2", 0},
    {"model", 'm', "MODEL", 0,
     "perplexity, sample, embed: with which model; default: the usual one", 0},
    {"key-file", KEY_KEY_FILE, "FILE", 0,
     "perplexity, sample, embed: its first line is the key for a server", 0},
    {"arch", KEY_ARCH, "NAME", 0,
     "pretrain: the kind of model: ngram, nnlm, transformer; default ngram", 0},
    {"text", KEY_TEXT, "FILE", 0,
     "pretrain: what to learn from, a sentence or paragraph a line; - is standard input",
     0},
    {"out", 'o', "MODEL", 0, "pretrain, finetune: the file to write", 0},
    {"order", KEY_ORDER, "N", 0, "pretrain ngram: of so many words; default 5", 0},
    {"blanks", KEY_BLANKS, NULL, 0, "pretrain: words are what stands between blanks", 0},
    {"memory", KEY_MEMORY, "MB", 0, "pretrain: what is larger goes to disk; default 1024",
     0},
    {"number", 'n', "N", 0, "sample: how many texts; default 1", 0},
    {"tokens", KEY_TOKENS, "N", 0, "sample: at most so long; default 64", 0},
    {"temperature", KEY_TEMPERATURE, "X", 0,
     "sample: 0 the likeliest, 1 as learnt; default 0.8", 0},
    {"top-k", KEY_TOP_K, "N", 0, "sample: among the best so many, 0 all; default 40", 0},
    {"top-p", KEY_TOP_P, "P", 0,
     "sample: among the best that have this share; default 0.95", 0},
    {"seed", KEY_SEED, "N", 0,
     "sample, pretrain, finetune: of all randomness; default 42", 0},
    {"kind", KEY_KIND, "NAME", 0,
     "pretrain nnlm: feedforward or lstm; default feedforward", 0},
    {"words", KEY_WORDS, "N", 0,
     "pretrain nnlm: the most frequent so many; default 10000", 0},
    {"embedding", KEY_EMBEDDING, "N", 0, "pretrain nnlm: numbers for each word", 0},
    {"hidden", KEY_HIDDEN, "N", 0,
     "pretrain nnlm, transformer, finetune prefix: hidden units", 0},
    {"context", KEY_CONTEXT, "N", 0,
     "pretrain nnlm: words looked back on; of an lstm, words that learning goes back; "
     "transformer, finetune: tokens",
     0},
    {"no-direct", KEY_NO_DIRECT, NULL, 0,
     "pretrain nnlm: feedforward without direct connections", 0},
    {"epochs", KEY_EPOCHS, "N", 0,
     "pretrain nnlm, transformer, finetune: how often all text is read at most", 0},
    {"batch", KEY_BATCH, "N", 0,
     "pretrain nnlm: words of a step; of an lstm, lines; transformer, finetune: rows of "
     "tokens",
     0},
    {"rate", KEY_RATE, "X", 0,
     "pretrain nnlm, transformer, finetune: largest length of a step", 0},
    {"dropout", KEY_DROPOUT, "X", 0, "pretrain nnlm, transformer: share that is left out",
     0},
    {"valid", KEY_VALID, "X", 0,
     "pretrain nnlm, transformer, finetune: share of lines or documents to judge on", 0},
    {"patience", KEY_PATIENCE, "N", 0,
     "pretrain nnlm, transformer, finetune: stop after so many judgements without a "
     "better one; 0 never",
     0},
    {"run", KEY_RUN, "NAME", 0,
     "pretrain nnlm, transformer, finetune: name of the run; default: made of the time",
     0},
    {"documents", KEY_DOCUMENTS, "KIND", 0,
     "pretrain transformer: what one document is: auto, blank, line, json, file", 0},
    {"vocabulary", KEY_VOCABULARY, "N", 0, "pretrain transformer: tokens to learn", 0},
    {"layers", KEY_LAYERS, "N", 0, "pretrain transformer: layers", 0},
    {"width", KEY_WIDTH, "N", 0, "pretrain transformer: numbers for each token", 0},
    {"heads", KEY_HEADS, "N", 0, "pretrain transformer: heads of attention", 0},
    {"kv-heads", KEY_KV_HEADS, "N", 0,
     "pretrain transformer: heads of keys and values, shared by the others", 0},
    {"steps", KEY_STEPS, "N", 0, "pretrain transformer, finetune: at most so many steps",
     0},
    {"part", KEY_PART, "N", 0,
     "pretrain transformer: rows at once, the rest is added up: memory against speed", 0},
    {"warmup", KEY_WARMUP, "X", 0,
     "pretrain transformer, finetune: share of steps until the rate is largest; default "
     "0.03",
     0},
    {"decay", KEY_DECAY, "X", 0,
     "pretrain transformer, finetune: pull to zero; default 0.1", 0},
    {"clip", KEY_CLIP, "X", 0,
     "pretrain transformer, finetune: longest gradient, 0 any; default 1", 0},
    {"judge-steps", KEY_JUDGE_STEPS, "N", 0,
     "pretrain transformer, finetune: judge after so many steps", 0},
    {"checkpoint", KEY_CHECKPOINT, "SECONDS", 0,
     "pretrain transformer, finetune: keep its state so often; default 60", 0},
    {"prompt", KEY_PROMPT, "TEXT", 0,
     "pretrain transformer: begin of what it writes while it learns", 0},
    {"resume", KEY_RESUME, "RUN", 0,
     "pretrain, finetune: go on with a run that was stopped", 0},
    {"base", KEY_BASE, "MODEL", 0, "finetune: what to adapt; default: the usual model",
     0},
    {"method", KEY_METHOD, "NAME", 0,
     "finetune: full, lora, adalora, adapter or prefix; default lora", 0},
    {"data", KEY_DATA, "FILE", 0,
     "finetune: texts between blank lines, or JSON lines of prompt and answer", 0},
    {"from", KEY_FROM, "WHAT", 0,
     "finetune: catalogue: beats of films; viewer NAME: what they liked", 0},
    {"targets", KEY_TARGETS, "NAME,...", 0,
     "finetune: matrices to add to: q, k, v, o, gate, up, down or all; default q,v", 0},
    {"rank", KEY_RANK, "N", 0,
     "finetune: of additions, default 8; width of adapters, default 32", 0},
    {"alpha", KEY_ALPHA, "X", 0,
     "finetune: additions are scaled by alpha / rank; default 2 rank", 0},
    {"prefix", KEY_PREFIX, "N", 0, "finetune: positions of a prefix; default 16", 0},
    {"adapter", KEY_ADAPTER, "FILE", 0, "finetune: a LoRA to begin with", 0},
    {"svg", KEY_SVG, "FILE", 0, "runs: draw the curves of the loss; .svg or .png", 0},
    {0}};

static error_t pretrain_option(int key, char *arg, struct argp_state *state)
{
    struct lm_pretrain_words *words = &((struct lm_words *)state->input)->pretrain;
    switch (key) {
    case KEY_ARCH:
        words->arch = arg;
        return 0;
    case KEY_TEXT:
        if (words->n_texts == LM_WORDS_MAX) {
            argp_error(state, tr("there is no place for '%s'"), arg);
        }
        words->text[words->n_texts++] = arg;
        return 0;
    case 'o':
        words->out = arg;
        return 0;
    case KEY_ORDER:
        words->order = cli_arg_int(state, "--order", arg, 1, REEL_LM_NGRAM_ORDER_MAX);
        return 0;
    case KEY_BLANKS:
        words->cuts_at_blanks = true;
        return 0;
    case KEY_MEMORY:
        words->memory_mb = cli_arg_real(state, "--memory", arg, 1, 1e9);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t net_option(int key, char *arg, struct argp_state *state)
{
    struct lm_net_words *words = &((struct lm_words *)state->input)->net;
    switch (key) {
    case KEY_KIND:
        words->kind = arg;
        return 0;
    case KEY_RUN:
        words->run = arg;
        return 0;
    case KEY_WORDS:
        words->n_words = cli_arg_int(state, "--words", arg, 4, (1 << 24) - 1);
        return 0;
    case KEY_EMBEDDING:
        words->n_embedding = cli_arg_int(state, "--embedding", arg, 1, 1 << 16);
        return 0;
    case KEY_HIDDEN:
        words->n_hidden = cli_arg_int(state, "--hidden", arg, 1, 1 << 16);
        return 0;
    case KEY_CONTEXT:
        words->n_context = cli_arg_int(state, "--context", arg, 1, 4096);
        return 0;
    case KEY_NO_DIRECT:
        words->is_indirect = true;
        return 0;
    case KEY_EPOCHS:
        words->n_epochs = cli_arg_int(state, "--epochs", arg, 1, 1000000);
        return 0;
    case KEY_BATCH:
        words->n_batch = cli_arg_int(state, "--batch", arg, 1, 1 << 20);
        return 0;
    case KEY_PATIENCE:
        words->patience = cli_arg_int(state, "--patience", arg, 0, 1000000);
        return 0;
    case KEY_RATE:
        words->rate = cli_arg_real(state, "--rate", arg, 1e-9, 10);
        return 0;
    case KEY_DROPOUT:
        words->dropout = cli_arg_real(state, "--dropout", arg, 0, .99);
        return 0;
    case KEY_VALID:
        words->valid = cli_arg_real(state, "--valid", arg, 0, .9);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t transformer_option(int key, char *arg, struct argp_state *state)
{
    struct lm_transformer_words *words = &((struct lm_words *)state->input)->transformer;
    switch (key) {
    case KEY_DOCUMENTS:
        words->documents = arg;
        return 0;
    case KEY_PROMPT:
        words->prompt = arg;
        return 0;
    case KEY_RESUME:
        words->resume = arg;
        return 0;
    case KEY_VOCABULARY:
        words->n_vocabulary = cli_arg_int(state, "--vocabulary", arg, 257, 1 << 20);
        return 0;
    case KEY_LAYERS:
        words->n_layers = cli_arg_int(state, "--layers", arg, 1, 1024);
        return 0;
    case KEY_WIDTH:
        words->n_width = cli_arg_int(state, "--width", arg, 2, 1 << 16);
        return 0;
    case KEY_HEADS:
        words->n_heads = cli_arg_int(state, "--heads", arg, 1, 1024);
        return 0;
    case KEY_KV_HEADS:
        words->n_groups = cli_arg_int(state, "--kv-heads", arg, 1, 1024);
        return 0;
    case KEY_STEPS:
        words->n_steps = cli_arg_int(state, "--steps", arg, 1, 1 << 30);
        return 0;
    case KEY_PART:
        words->n_part = cli_arg_int(state, "--part", arg, 1, 1 << 16);
        return 0;
    case KEY_JUDGE_STEPS:
        words->judge_steps = cli_arg_int(state, "--judge-steps", arg, 1, 1 << 30);
        return 0;
    case KEY_WARMUP:
        words->warmup = cli_arg_real(state, "--warmup", arg, 0, 1);
        return 0;
    case KEY_DECAY:
        words->decay = cli_arg_real(state, "--decay", arg, 0, 10);
        return 0;
    case KEY_CLIP:
        words->clip = cli_arg_real(state, "--clip", arg, 0, 1e9);
        return 0;
    case KEY_CHECKPOINT:
        words->checkpoint_s = cli_arg_real(state, "--checkpoint", arg, 0, 1e9);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t finetune_option(int key, char *arg, struct argp_state *state)
{
    struct lm_finetune_words *words = &((struct lm_words *)state->input)->finetune;
    switch (key) {
    case KEY_BASE:
        words->base = arg;
        return 0;
    case KEY_METHOD:
        words->method = arg;
        return 0;
    case KEY_DATA:
        words->data = arg;
        return 0;
    case KEY_FROM:
        words->from = arg;
        return 0;
    case KEY_TARGETS:
        words->targets = arg;
        return 0;
    case KEY_ADAPTER:
        words->adapter = arg;
        return 0;
    case KEY_RANK:
        words->rank = cli_arg_int(state, "--rank", arg, 1, 4096);
        return 0;
    case KEY_PREFIX:
        words->n_prefix = cli_arg_int(state, "--prefix", arg, 1, 4096);
        return 0;
    case KEY_ALPHA:
        words->alpha = cli_arg_real(state, "--alpha", arg, 1e-6, 1e6);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t sample_option(int key, char *arg, struct argp_state *state)
{
    struct lm_sample_words *words = &((struct lm_words *)state->input)->sample;
    switch (key) {
    case 'n':
        words->n_samples = cli_arg_int(state, "--number", arg, 1, 1000);
        return 0;
    case KEY_TOKENS:
        words->n_tokens = cli_arg_int(state, "--tokens", arg, 1, 65536);
        return 0;
    case KEY_TEMPERATURE:
        words->temperature = cli_arg_real(state, "--temperature", arg, 0, 10);
        return 0;
    case KEY_TOP_K:
        words->top_k = cli_arg_int(state, "--top-k", arg, 0, INT32_MAX);
        return 0;
    case KEY_TOP_P:
        words->top_p = cli_arg_real(state, "--top-p", arg, 0, 1);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t file_option(int key, char *arg, struct argp_state *state)
{
    struct lm_words *words = state->input;
    switch (key) {
    case KEY_SHA256:
        words->sha256 = arg;
        return 0;
    case KEY_NO_CHECKSUM:
        words->is_unchecked = true;
        return 0;
    case KEY_MAX_GB:
        words->max_gb = cli_arg_real(state, "--max-gb", arg, 0.001, 1e6);
        return 0;
    case KEY_TYPES:
        cli_names_add(&words->types, arg);
        return 0;
    case KEY_RISE:
        words->max_rise = cli_arg_real(state, "--max-rise", arg, 0, 1000) / 100;
        return 0;
    case 'm':
        words->model = arg;
        return 0;
    case KEY_KEY_FILE:
        words->key_file = arg;
        return 0;
    case KEY_SVG:
        words->svg = arg;
        return 0;
    case KEY_SEED:
        words->seed = (uint64_t)cli_arg_int(state, "--seed", arg, 0, INT32_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct lm_words *words = state->input;
    if (file_option(key, arg, state) != 0 && pretrain_option(key, arg, state) != 0 &&
        net_option(key, arg, state) != 0 && transformer_option(key, arg, state) != 0 &&
        sample_option(key, arg, state) != 0 && finetune_option(key, arg, state) != 0) {
        return ARGP_ERR_UNKNOWN;
    }
    for (const struct argp_option *o = options; o->name; o++) {
        if (o->key == key && words->n_used < LM_OPTIONS_MAX) {
            words->used[words->n_used++] = o->name;
        }
    }
    return 0;
}

static const struct lm_verb *lm_find_verb(const char *name)
{
    for (int i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

bool lm_check_options(struct cli *cli, const struct lm_words *words, const char *known,
                      const char *what)
{
    for (int i = 0; i < words->n_used; i++) {
        char *wanted = cli_format("%s ", words->used[i]);
        const char *at = strstr(known, wanted);
        const bool is_known = at && (at == known || at[-1] == ' ');
        free(wanted);
        if (!is_known) {
            cli_say(cli, tr("--%s is not for 'lm %s'"), words->used[i], what);
            return false;
        }
    }
    return true;
}

/** Every option belongs to some verbs; given with another it is a mistake worth telling. */
static bool lm_check_words(struct cli *cli, const struct lm_verb *verb,
                           const struct lm_words *words)
{
    int n_words = 0;
    while (n_words < LM_WORDS_MAX && words->word[n_words]) {
        n_words++;
    }
    if (n_words < verb->n_words_min) {
        cli_say(cli, tr("too few words"));
        return false;
    }
    if (n_words > verb->n_words_max) {
        cli_say(cli, tr("there is no place for '%s'"), words->word[verb->n_words_max]);
        return false;
    }
    return lm_check_options(cli, words, verb->options, verb->name);
}

/** "list, pull, tune, ..."; free it. */
static char *verb_names(void)
{
    struct cli_names names = {0};
    for (int i = 0; i < N_VERBS; i++) {
        cli_names_add(&names, verbs[i].name);
    }
    char *text = cli_names_join(&names);
    cli_names_release(&names);
    return text;
}

static enum cli_exit lm_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {.options = options,
                                         .option = option,
                                         .n_words_min = 1,
                                         .n_words_max = LM_WORDS_MAX};
    struct lm_words words = {
        .max_rise = .02,
        .max_gb = 64,
        .seed = 42,
        .net = {.n_words = -1,
                .n_embedding = -1,
                .n_hidden = -1,
                .n_context = -1,
                .n_epochs = -1,
                .n_batch = -1,
                .patience = -1,
                .rate = -1,
                .dropout = -1,
                .valid = -1},
        .transformer = {.warmup = -1, .decay = -1, .clip = -1, .checkpoint_s = -1},
        .sample = {.temperature = -1, .top_k = -1, .top_p = -1}};
    cli_args_parse(cli, &cmd_lm, &args, argc, argv, words.word, &words);
    const struct lm_verb *verb = lm_find_verb(words.word[0]);
    enum cli_exit status = CLI_USAGE;
    if (!verb) {
        char *names = verb_names();
        cli_say(cli, tr("lm knows %s, not '%s'"), names, words.word[0]);
        free(names);
    } else if (lm_check_words(cli, verb, &words)) {
        status = verb->run(cli, &words);
    }
    cli_names_release(&words.types);
    return status;
}

const struct cli_command cmd_lm = {
    .name = "lm",
    .usage = "forkreel lm [OPTION...] list\n"
             "forkreel lm [OPTION...] pull [NAME|ADDRESS]\n"
             "forkreel lm [OPTION...] tune [MODEL]\n"
             "forkreel lm [OPTION...] quantize MODEL TYPE [FILE]\n"
             "forkreel lm [OPTION...] perplexity\n"
             "forkreel lm [OPTION...] embed\n"
             "forkreel lm [OPTION...] pretrain FILE...\n"
             "forkreel lm [OPTION...] pretrain --resume RUN\n"
             "forkreel lm [OPTION...] finetune --data FILE --out FILE\n"
             "forkreel lm [OPTION...] finetune --from viewer NAME --out FILE\n"
             "forkreel lm [OPTION...] finetune --resume RUN\n"
             "forkreel lm [OPTION...] convert FROM TO\n"
             "forkreel lm [OPTION...] sample [PROMPT...]\n"
             "forkreel lm [OPTION...] runs [NAME]",
    .summary = "make, list, fetch, tune and judge language models; embed texts",
    .run = lm_run,
};
