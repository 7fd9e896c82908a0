/** `forkreel lm embed`: lines of text in, a vector for each out. */
#include "cli_lm.h"
#include "cmd_lm.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 256 << 20, N_LINES_MAX = 1000000 };

struct lines {
    char **line; /* (n) */
    int32_t n, room;
};

/** False when there is too much of it. A NUL ends its line. */
static bool read_lines(struct lines *lines)
{
    char *line = NULL;
    size_t room = 0, n_all = 0;
    ssize_t n;
    bool fits = true;
    while (fits && (n = getline(&line, &room, stdin)) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (lines->n == lines->room) {
            lines->room = 2 * lines->room + 64;
            lines->line =
                cli_need(realloc(lines->line, (size_t)lines->room * sizeof *lines->line));
        }
        lines->line[lines->n++] = cli_need(strdup(line));
        n_all += (size_t)n;
        fits = n_all <= TEXT_BYTES_MAX && lines->n <= N_LINES_MAX;
    }
    free(line);
    return fits;
}

static void release_lines(struct lines *lines)
{
    for (int32_t i = 0; i < lines->n; i++) {
        free(lines->line[i]);
    }
    free(lines->line);
}

static enum cli_exit show_json(const struct reel_lm_vectors *vectors, int32_t n)
{
    json_t *rows = cli_need(json_array());
    for (int32_t i = 0; i < n; i++) {
        const float *value = vectors->row + (size_t)i * (size_t)vectors->n_dims;
        json_t *row = cli_need(json_array());
        for (int32_t k = 0; k < vectors->n_dims; k++) {
            json_array_append_new(row, cli_json_real((double)value[k]));
        }
        json_array_append_new(rows, row);
    }
    return cli_json_show(cli_need(json_pack(
        "{s:o, s:i, s:i, s:o}", "model", cli_json_text(vectors->model), "dimensions",
        vectors->n_dims, "computed", vectors->n_computed, "vectors", rows)));
}

static enum cli_exit show_lines(const struct reel_lm_vectors *vectors, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const float *value = vectors->row + (size_t)i * (size_t)vectors->n_dims;
        for (int32_t k = 0; k < vectors->n_dims; k++) {
            (void)printf("%s%.6g", k > 0 ? "\t" : "", (double)value[k]);
        }
        (void)putchar('\n');
    }
    return CLI_DONE;
}

enum cli_exit lm_embed(struct cli *cli, const struct lm_words *words)
{
    struct lines lines = {0};
    struct reel_lm_vectors vectors = {0};
    struct reel_error err;
    char *where = NULL;
    enum cli_exit status = CLI_BAD_INPUT;
    if (!read_lines(&lines) || lines.n == 0) {
        cli_say(cli,
                tr("standard input holds no text, or more than a million lines or 256 "
                   "MB"));
        goto done;
    }
    enum reel_status rc = cli_lm_find_embedder(cli, words->model, &where, &err);
    if (rc == REEL_OK && !where) {
        rc = cli_error(&err, REEL_ENOTFOUND,
                       tr("there is no model that embeds texts; 'scripts/setup demo' "
                          "makes one, or give --model"));
    }
    rc = rc ? rc
            : cli_lm_vectors(cli, where, words->key_file, (const char *const *)lines.line,
                             lines.n, &vectors, &err);
    status = rc             ? cli_fail(cli, &err)
             : cli->is_json ? show_json(&vectors, lines.n)
                            : show_lines(&vectors, lines.n);
done:
    reel_lm_vectors_release(&vectors);
    release_lines(&lines);
    free(where);
    return status;
}
