/**
 * What every command shares: the command record, the options that stand anywhere, messages
 * in two languages, tables, cards and JSON.
 *
 * A command is one file cmd_<name>.c that ends in its record; cli_commands.c lists them all.
 * It reads its words with cli_args_parse, asks the library, and shows the answer once: as
 * one JSON document when cli->is_json, else as text. What it returns is the exit status.
 *
 *     const struct cli_command cmd_rank = {
 *         .name = "rank",
 *         .usage = "forkreel rank [OPTION...] VIEWER",
 *         .summary = "list films for a viewer, best first",
 *         .run = rank_run,
 *     };
 *
 * Text from outside (titles, reviews, messages that quote a file) reaches the terminal only
 * through cli_print, cli_say, cli_put, cards and tables, which escape control characters.
 */
#ifndef CLI_H
#define CLI_H

#include <forkreel/status.h>

#include <argp.h>
#include <jansson.h>

enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_BAD_INPUT = 3,
    CLI_INTERRUPTED = 130, /* as a shell reports death by SIGINT */
};

struct cli {
    char *home;       /* where database and models are */
    char *db;         /* path of the database */
    const char *lang; /* "en" or "zh" */
    bool is_json;
    int32_t n_threads;
    int i_command; /* index of the command in argv; 0: none given */
    struct reel_progress_bar bar;
    char *(*help_more)(
        const struct cli *cli); /* closes the help of the command that runs */
};

struct cli_command {
    const char *name;
    const char
        *usage; /* "forkreel NAME [OPTION...] WORD ..."; further forms after '\n' */
    const char *summary; /* one line, also a key of the message table */
    enum cli_exit (*run)(struct cli *cli, int argc, char **argv);
};

/** Every command, in the order of help; ends with NULL. */
extern const struct cli_command *const cli_commands[];
const struct cli_command *cli_command_find(const char *name); /* NULL: none */

/* ---- the process (main.c) ---- */

/** Set to 1 by SIGINT and SIGTERM; progress callbacks then stop the work. */
extern volatile int cli_stop;
/** Where long work reports: a bar on a terminal, silence elsewhere; stops at Ctrl-C. */
struct reel_progress cli_progress(struct cli *cli);
/** Draws nothing, but stops at Ctrl-C: for work whose steps another bar counts. */
struct reel_progress cli_progress_silent(void);
/** Out of memory in the program itself: say so and exit. */
void *cli_need(void *memory);
double cli_clock_s(void); /* never goes back */
/** HOME/NAME, made new; free it. */
char *cli_home_path(const struct cli *cli, const char *name);

/* ---- words of the command line (cli_args.c) ---- */

struct cli_args {
    const struct argp_option *options; /* may be NULL */
    error_t (*option)(int key, char *arg,
                      struct argp_state *state); /* state->input: input */
    int n_words_min, n_words_max;
    char *(*more)(const struct cli *cli); /* closes the help; malloc'ed; may be NULL */
};

/** Options before the command; fills cli, cli->i_command included. Exits as the next. */
void cli_args_parse_global(struct cli *cli, int argc, char **argv);
/**
 * The words after the command. `word` (args->n_words_max) receives those that are not
 * options, NULL where fewer came. Wrong usage ends the program with status 2, --help with 0.
 */
void cli_args_parse(struct cli *cli, const struct cli_command *command,
                    const struct cli_args *args, int argc, char **argv, const char **word,
                    void *input);
/** "a b c" from words of which the last may be NULL; free it. */
char *cli_words_join(const char *const *word, int n_words);
/** A number in [low, high], or wrong usage that names `what`. */
double cli_arg_real(struct argp_state *state, const char *what, const char *arg,
                    double low, double high);
int32_t cli_arg_int(struct argp_state *state, const char *what, const char *arg,
                    int32_t low, int32_t high);

/** Cut "a,b,c" into words; blanks around them go, empty ones are left out. */
struct cli_names {
    char **name; /* (n) */
    int32_t n;
};
/** Append what `arg` holds. */
void cli_names_add(struct cli_names *names, const char *arg);
/** "a, b, c"; free it. */
char *cli_names_join(const struct cli_names *names);
void cli_names_release(struct cli_names *names);

/* ---- words for people (cli_text.c) ---- */

/** The message in the language of the run; `en` is the key and the fallback. */
const char *tr(const char *en) __attribute__((format_arg(1)));
void cli_text_language(const char *lang);

/** Write text with control characters, bidirectional overrides and broken UTF-8 escaped. */
void cli_put(FILE *out, const char *text);
/** The same into a new string; free it. */
char *cli_clean(const char *text);
/** Columns that the text takes on a terminal. */
int cli_width(const char *text);
/** A new string; free it. */
char *cli_format(const char *format, ...) REEL_PRINTF(1, 2);
/** One line on standard output. */
void cli_print(const char *format, ...) REEL_PRINTF(1, 2);
/** One line on standard error, as "forkreel: ...". */
void cli_say(struct cli *cli, const char *format, ...) REEL_PRINTF(2, 3);
/** Say what failed and give the exit status that fits its code. */
enum cli_exit cli_fail(struct cli *cli, const struct reel_error *err);
/** Fill in err and return code, as the library does. */
enum reel_status cli_error(struct reel_error *err, enum reel_status code,
                           const char *format, ...) REEL_PRINTF(3, 4);

/* ---- tables and cards (cli_table.c) ---- */

enum cli_align { CLI_LEFT, CLI_RIGHT, CLI_SHRINK /* left; cut to fit a terminal */ };

struct cli_column {
    const char *name; /* a message */
    enum cli_align align;
};

struct libscols_table;
struct libscols_line;
struct cli_table {
    struct libscols_table *scols;
    struct libscols_line *line;
    size_t i_column;
};

void cli_table_init(struct cli_table *table, const struct cli_column *columns,
                    int n_columns);
void cli_table_line(struct cli_table *table);
/** The next cell of the line; NULL: empty. */
void cli_table_text(struct cli_table *table, const char *text);
void cli_table_cell(struct cli_table *table, const char *format, ...) REEL_PRINTF(2, 3);
/** Two decimals; a dash for NAN. */
void cli_table_real(struct cli_table *table, double value);
/** Empty where the year is not known. */
void cli_table_year(struct cli_table *table, int32_t year);
/** On standard output; columns without any text are left out. */
void cli_table_show(struct cli_table *table);
void cli_table_release(struct cli_table *table);

/** "label  text", wrapped and indented; nothing when text is NULL or empty. */
void cli_card(int label_width, const char *label, const char *text);

/* ---- JSON (cli_json.c) ---- */

/** Null for NULL, for NAN and infinities, for an unknown year. */
json_t *cli_json_text(const char *text);
json_t *cli_json_real(double value);
json_t *cli_json_year(int32_t year);
/** The one document of a run on standard output; `root` is given away. */
enum cli_exit cli_json_show(json_t *root);

#endif
