/**
 * The program: language, home, signals, and which command runs.
 */
#include "cli.h"

#include <langinfo.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

volatile int cli_stop;

static void on_signal(int signal)
{
    (void)signal;
    cli_stop = 1;
}

/** The first asks for an orderly end, the second ends at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigset_t both; // a parent may have left them blocked
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
}

/** Widths and wrapping need UTF-8; numbers stay as they are everywhere. */
static void choose_locale(void)
{
    setlocale(LC_MESSAGES, "");
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8")) {
        if (!setlocale(LC_CTYPE, "C.UTF-8")) {
            setlocale(LC_CTYPE, "en_US.UTF-8");
        }
    }
}

/** argp closes every help with a note about short options unless told otherwise. */
static void choose_help_style(void)
{
    setenv("ARGP_HELP_FMT", "no-dup-args-note,rmargin=96", 0);
}

static const char *language_of_user(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) {
            return strncmp(value, "zh", 2) ? "en" : "zh";
        }
    }
    return "en";
}

/** Processors this process may use: taskset and cgroups' cpusets are respected. */
static int32_t n_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (int32_t)CPU_COUNT(&set);
}

static char *default_home(void)
{
    const char *own = getenv("FORKREEL_HOME"), *xdg = getenv("XDG_DATA_HOME"),
               *home = getenv("HOME");
    if (own && *own) {
        return cli_format("%s", own);
    }
    if (xdg && *xdg) {
        return cli_format("%s/forkreel", xdg);
    }
    return cli_format("%s/.local/share/forkreel", home && *home ? home : ".");
}

void *cli_need(void *memory)
{
    if (!memory) {
        fputs("forkreel: out of memory\n", stderr);
        exit(CLI_FAILED);
    }
    return memory;
}

double cli_clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

char *cli_home_path(const struct cli *cli, const char *name)
{
    return cli_format("%s/%s", cli->home, name);
}

struct reel_progress cli_progress(struct cli *cli)
{
    return reel_progress_bar_callback(&cli->bar);
}

static bool go_on(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)done, (void)total, (void)payload;
    return !cli_stop;
}

struct reel_progress cli_progress_silent(void)
{
    return (struct reel_progress){.report = go_on};
}

const struct cli_command *cli_command_find(const char *name)
{
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        if (!strcmp((*c)->name, name)) {
            return *c;
        }
    }
    return NULL;
}

static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
    const char *name = cli->i_command ? argv[cli->i_command] : "help";
    const struct cli_command *command = cli_command_find(name);
    if (!command) {
        cli_say(cli, tr("there is no command '%s'; 'forkreel help' lists them"), name);
        return CLI_USAGE;
    }
    char *only[] = {"forkreel", NULL};
    return cli->i_command
               ? command->run(cli, argc - cli->i_command, argv + cli->i_command)
               : command->run(cli, 1, only);
}

int main(int argc, char **argv)
{
    choose_locale();
    choose_help_style();
    struct cli cli = {.lang = language_of_user(), .n_threads = n_processors()};
    cli_text_language(cli.lang);
    cli.home = default_home();
    cli_args_parse_global(&cli, argc, argv);
    catch_signals();
    reel_progress_bar_init(&cli.bar, stderr, &cli_stop);
    enum cli_exit status = run(&cli, argc, argv);
    reel_progress_bar_clear(&cli.bar);
    if (fflush(stdout) || ferror(stdout)) {
        cli_say(&cli, "%s", tr("standard output could not be written"));
        status = status == CLI_DONE ? CLI_FAILED : status;
    }
    free(cli.home);
    free(cli.db);
    return (int)status;
}
