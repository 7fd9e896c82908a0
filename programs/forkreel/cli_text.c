/**
 * Words for people: the message table, and outside text made safe for a terminal.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* A message is known by its English form. Conversions stand in the same order in both. */
static const struct message {
    const char *en, *zh;
} messages[] = {
#include "cli_messages.h"
};

static bool is_chinese;

void cli_text_language(const char *lang)
{
    is_chinese = !strcmp(lang, "zh");
}

const char *tr(const char *en)
{
    for (size_t i = 0; is_chinese && i < sizeof messages / sizeof *messages; i++) {
        if (!strcmp(messages[i].en, en)) {
            return messages[i].zh;
        }
    }
    return en;
}

/* ---- outside text ---- */

/** Code point at `text` and its length in bytes; length 0 when it is not UTF-8. */
static unsigned long decode(const unsigned char *text, size_t *n)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = text[0];
    *n = first < 0x80   ? 1
         : first < 0xc2 ? 0
         : first < 0xe0 ? 2
         : first < 0xf0 ? 3
         : first < 0xf5 ? 4
                        : 0;
    unsigned long c = *n < 2 ? first : first & (0x7fu >> *n);
    for (size_t i = 1; i < *n; i++) {
        if ((text[i] & 0xc0) != 0x80) { // a NUL ends the walk here too
            *n = 0;
            return first;
        }
        c = c << 6 | (text[i] & 0x3f);
    }
    if (c < least[*n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        *n = 0;
    }
    return c;
}

/** What moves the cursor, recolours, or reorders what stands beside it. */
static bool is_harmful(unsigned long c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void put_clean(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t n;
        const unsigned long c = decode(at, &n);
        if (n == 0) {
            fprintf(out, "\\x%02x", *at);
            n = 1;
        } else if (c == '\n' || c == '\t') {
            fputc(' ', out);
        } else if (is_harmful(c)) {
            fprintf(out, c < 0x100 ? "\\x%02lx" : "\\u%04lx", c);
        } else {
            fwrite(at, 1, n, out);
        }
        at += n;
    }
}

void cli_put(FILE *out, const char *text)
{
    put_clean(out, text);
}

char *cli_clean(const char *text)
{
    char *clean = NULL;
    size_t n;
    FILE *out = cli_need(open_memstream(&clean, &n));
    put_clean(out, text);
    fclose(out);
    return cli_need(clean);
}

int cli_width(const char *text)
{
    int width = 0;
    mbstate_t state = {0};
    while (*text) {
        wchar_t c;
        const size_t n = mbrtowc(&c, text, MB_CUR_MAX, &state);
        if (n == (size_t)-1 || n == (size_t)-2) {
            return width + (int)strlen(text);
        }
        width += wcwidth(c) > 0 ? wcwidth(c) : 0;
        text += n;
    }
    return width;
}

static char *format_list(const char *format, va_list args) REEL_PRINTF(1, 0);
static char *format_list(const char *format, va_list args)
{
    char *text;
    return cli_need(vasprintf(&text, format, args) < 0 ? NULL : text);
}

char *cli_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_list(format, args);
    va_end(args);
    return text;
}

void cli_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_list(format, args);
    va_end(args);
    put_clean(stdout, text);
    putchar('\n');
    free(text);
}

void cli_say(struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_list(format, args);
    va_end(args);
    reel_progress_bar_clear(&cli->bar);
    fflush(stdout);
    fputs("forkreel: ", stderr);
    put_clean(stderr, text);
    fputc('\n', stderr);
    free(text);
}

enum cli_exit cli_fail(struct cli *cli, const struct reel_error *err)
{
    cli_say(cli, "%s", err->text);
    switch (err->code) {
    case REEL_EFORMAT:
    case REEL_ENOTFOUND:
    case REEL_EAMBIGUOUS:
        return CLI_BAD_INPUT;
    case REEL_ECANCELLED:
        return CLI_INTERRUPTED;
    default:
        return CLI_FAILED;
    }
}

enum reel_status cli_error(struct reel_error *err, enum reel_status code,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}
