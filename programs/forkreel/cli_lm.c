/** Finding and opening language models; see cli_lm.h. */
#include "cli_lm.h"

#include <forkreel/lm_files.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_NAME "smollm2-135m-instruct"
#define DEFAULT_EMBEDDER "all-MiniLM-L6-v2.Q8_0"

char *cli_lm_cache(void)
{
    const char *own = getenv("FORKREEL_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    if (own && *own) {
        return cli_format("%s/models", own);
    }
    if (xdg && *xdg) {
        return cli_format("%s/forkreel/models", xdg);
    }
    return cli_format("%s/.cache/forkreel/models", home && *home ? home : ".");
}

/** What a name of the table is called on disk; other words are as they are. */
static const char *file_of(const char *word)
{
    int32_t n;
    const struct reel_lm_source *source = reel_lm_sources(&n);
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(source[i].name, word) == 0) {
            return source[i].file;
        }
    }
    return word;
}

static char *find_in(const char *folder, const char *name)
{
    char *path = cli_format("%s/%s", folder, name);
    if (access(path, R_OK) != 0) {
        free(path);
        path = cli_format("%s/%s.gguf", folder, name);
    }
    if (access(path, R_OK) != 0) {
        free(path);
        path = NULL;
    }
    return path;
}

static bool is_gguf(const char *name)
{
    const size_t n = strlen(name);
    return n > 5 && strcasecmp(name + n - 5, ".gguf") == 0;
}

/** Can the file do it: embed texts, or continue them? */
static bool is_of_kind(const char *path, bool embeds)
{
    struct reel_lm_info info;
    return reel_lm_info_read(path, &info, NULL) == REEL_OK && info.is_embedder == embeds;
}

/** The only model of its kind in a folder; NULL when there is none or a choice. */
static char *find_only(const char *folder, bool embeds)
{
    char *only = NULL;
    int n_found = 0;
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        char *path = cli_format("%s/%s", folder, entry->d_name);
        if (is_gguf(entry->d_name) && is_of_kind(path, embeds) && ++n_found == 1) {
            only = path;
        } else {
            free(path);
        }
    }
    if (dir) {
        closedir(dir);
    }
    if (n_found != 1) {
        free(only);
        only = NULL;
    }
    return only;
}

/** The file or address that `wanted` means; of `is_default` any other of its kind as well. */
static char *find(const struct cli *cli, const char *wanted, bool is_default, bool embeds)
{
    if (strstr(wanted, "://") || access(wanted, R_OK) == 0) {
        return cli_format("%s", wanted);
    }
    char *home = cli_format("%s/models", cli->home), *cache = cli_lm_cache(),
         *where = NULL;
    const char *folder[] = {home, cache};
    for (int i = 0; !where && i < 2 && !strchr(wanted, '/'); i++) {
        where = find_in(folder[i], file_of(wanted));
    }
    for (int i = 0; !where && i < 2 && is_default; i++) {
        where = find_only(folder[i], embeds);
    }
    free(home);
    free(cache);
    return where;
}

static enum reel_status fail_unknown(const char *wanted, struct reel_error *err)
{
    return cli_error(err, REEL_ENOTFOUND,
                     tr("there is no language model '%s'; 'forkreel lm list' shows what "
                        "is there"),
                     wanted);
}

enum reel_status cli_lm_find(const struct cli *cli, const char *word, char **where,
                             struct reel_error *err)
{
    const char *own = getenv("FORKREEL_LM");
    const bool is_default = !word && !(own && *own);
    const char *wanted = word ? word : is_default ? DEFAULT_NAME : own;
    *where = find(cli, wanted, is_default, false);
    if (*where) {
        return REEL_OK;
    }
    if (!is_default) {
        return fail_unknown(wanted, err);
    }
    char *home = cli_format("%s/models", cli->home), *cache = cli_lm_cache();
    const enum reel_status rc =
        cli_error(err, REEL_ENOTFOUND,
                  tr("there is no language model in %s or %s; 'forkreel lm pull' "
                     "fetches one"),
                  home, cache);
    free(home);
    free(cache);
    return rc;
}

enum reel_status cli_lm_find_embedder(const struct cli *cli, const char *word,
                                      char **where, struct reel_error *err)
{
    const char *own = getenv("FORKREEL_EMBEDDER");
    const bool is_default = !word && !(own && *own);
    const char *wanted = word ? word : is_default ? DEFAULT_EMBEDDER : own;
    *where = find(cli, wanted, is_default, true);
    return *where || is_default ? REEL_OK : fail_unknown(wanted, err);
}

enum reel_status cli_lm_vectors(struct cli *cli, const char *where, const char *key_file,
                                const char *const *text, int32_t n_texts,
                                struct reel_lm_vectors *out, struct reel_error *err)
{
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm_embed_request request = {.text = text, .n_texts = n_texts};
    char *folder = cli_format("%s/embeddings", cli->home);
    opt.n_threads = cli->n_threads;
    opt.key_file = key_file;
    opt.progress = request.progress = cli_progress(cli);
    const enum reel_status rc =
        reel_lm_vectors_get(where, &opt, &request, folder, out, err);
    reel_progress_bar_clear(&cli->bar);
    free(folder);
    return rc;
}

/** The word before the '+' of "MODEL+FILE", free it; `*adapter` is the rest or NULL. */
static char *take_adapter(const char *word, const char **adapter)
{
    const char *own = getenv("FORKREEL_LM");
    const char *whole = word ? word : own && *own ? own : NULL;
    const char *plus = whole && !strstr(whole, "://") ? strrchr(whole, '+') : NULL;
    *adapter = NULL;
    if (!plus || access(whole, R_OK) == 0) { // a file may have a '+' in its name
        return word ? cli_format("%s", word) : NULL;
    }
    *adapter = plus + 1;
    return plus > whole ? cli_format("%.*s", (int)(plus - whole), whole)
                        : cli_format("%s", DEFAULT_NAME);
}

enum reel_status cli_lm_open(struct cli *cli, const char *word, const char *key_file,
                             struct reel_lm **lm, struct reel_error *err)
{
    struct reel_lm_options opt = reel_lm_options_default();
    char *where, tuned[REEL_LM_PATH_BYTES];
    *lm = NULL;
    char *model = take_adapter(word, &opt.adapter);
    enum reel_status rc = cli_lm_find(cli, model, &where, err);
    free(model);
    if (rc || !where) {
        return rc;
    }
    const bool is_file = !strstr(where, "://");
    if (is_file) {
        rc = reel_lm_tuned_path(cli->home, where, tuned, err);
    }
    opt.n_threads = cli->n_threads;
    opt.key_file = key_file;
    opt.progress = cli_progress(cli);
    rc = rc ? rc : reel_lm_open(is_file ? tuned : where, &opt, lm, err);
    reel_progress_bar_clear(&cli->bar);
    free(where);
    return rc;
}
