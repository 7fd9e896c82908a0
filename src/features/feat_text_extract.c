/**
 * Step extract: what a reader would read, out of HTML, Markdown, reviews and social posts, told
 * apart by their signs and not by what the file is called.
 *
 *     HTML        tags and comments go; paragraphs and the like become lines; script, style,
 *                 navigation, footers, buttons go with what is in them; entities are decoded
 *     Markdown    marks of headings, quotes, lists, emphasis, code go; a link leaves its text
 *     posts       links and mail addresses become @url, names @someone; a hashtag leaves its
 *                 words (#BestFilmEver, #卧虎藏龙#); "RT" goes; marks in square brackets
 *                 ([spoiler], [b], [12]) go
 *     emoji       stand alone, without skin and variants; :) and the like become emoji
 *
 * A tag, a comment or a script may span lines; all else is told within its line. A '<' that begins
 * no tag is a sign like any other ("I <3 this", "a < b").
 */
#include "feat_icu.h"
#include "feat_step.h"
#include "feat_utf8.h"

#include <string.h>
#include <strings.h>

enum {
    NAME_BYTES = 12,
    TAG_BYTES_MAX = 1 << 13, /* a longer one is none that would ever end */
    LINK_BYTES_MAX = 500,
};

enum mode { TEXT, TAG, COMMENT, SKIP };

struct extract {
    struct feat_icu *icu;
    enum mode mode;
    char quote;            /* open in a tag; 0: none */
    char last;             /* byte before, in a tag and in what is skipped */
    int n_dashes;          /* just seen in a comment */
    size_t n_tag_bytes;    /* of the tag so far */
    char skip[NAME_BYTES]; /* element that is left out whole; "" none */
    int skip_depth;
    bool is_line_inside; /* the line of the input has begun */
    char before;         /* what the output line ends with where a pass begins */
};

/** One block on its way through. */
struct pass {
    struct extract *x;
    const char *in;
    size_t i, n;
    char *to;    /* where the next byte goes */
    char *begin; /* how far one may look back: no further than this line and this block */
    size_t link; /* offset of the "](" whose link is to be left out; 0: none */
};

enum { IS_BLOCK = 1, IS_SKIPPED = 2, IS_INLINE = 4 };
static const struct {
    const char *name;
    int kind;
} elements[] = {
    {"a", IS_INLINE},         {"abbr", IS_INLINE},   {"article", IS_BLOCK},
    {"aside", IS_BLOCK},      {"audio", IS_INLINE},  {"b", IS_INLINE},
    {"blockquote", IS_BLOCK}, {"body", IS_BLOCK},    {"br", IS_BLOCK},
    {"button", IS_SKIPPED},   {"caption", IS_BLOCK}, {"cite", IS_INLINE},
    {"code", IS_INLINE},      {"dd", IS_BLOCK},      {"del", IS_INLINE},
    {"details", IS_BLOCK},    {"div", IS_BLOCK},     {"dl", IS_BLOCK},
    {"dt", IS_BLOCK},         {"em", IS_INLINE},     {"figcaption", IS_BLOCK},
    {"figure", IS_BLOCK},     {"font", IS_INLINE},   {"footer", IS_SKIPPED},
    {"form", IS_BLOCK},       {"h1", IS_BLOCK},      {"h2", IS_BLOCK},
    {"h3", IS_BLOCK},         {"h4", IS_BLOCK},      {"h5", IS_BLOCK},
    {"h6", IS_BLOCK},         {"head", IS_BLOCK},    {"header", IS_BLOCK},
    {"hr", IS_BLOCK},         {"html", IS_BLOCK},    {"i", IS_INLINE},
    {"iframe", IS_SKIPPED},   {"img", IS_INLINE},    {"input", IS_INLINE},
    {"ins", IS_INLINE},       {"label", IS_INLINE},  {"li", IS_BLOCK},
    {"link", IS_INLINE},      {"main", IS_BLOCK},    {"mark", IS_INLINE},
    {"meta", IS_INLINE},      {"nav", IS_SKIPPED},   {"noscript", IS_SKIPPED},
    {"ol", IS_BLOCK},         {"option", IS_BLOCK},  {"p", IS_BLOCK},
    {"pre", IS_BLOCK},        {"q", IS_INLINE},      {"rp", IS_SKIPPED},
    {"rt", IS_SKIPPED},       {"ruby", IS_INLINE},   {"s", IS_INLINE},
    {"script", IS_SKIPPED},   {"section", IS_BLOCK}, {"select", IS_SKIPPED},
    {"small", IS_INLINE},     {"span", IS_INLINE},   {"strong", IS_INLINE},
    {"style", IS_SKIPPED},    {"sub", IS_INLINE},    {"summary", IS_BLOCK},
    {"sup", IS_INLINE},       {"svg", IS_SKIPPED},   {"table", IS_BLOCK},
    {"tbody", IS_BLOCK},      {"td", IS_BLOCK},      {"template", IS_SKIPPED},
    {"textarea", IS_SKIPPED}, {"th", IS_BLOCK},      {"thead", IS_BLOCK},
    {"time", IS_INLINE},      {"title", IS_BLOCK},   {"tr", IS_BLOCK},
    {"u", IS_INLINE},         {"ul", IS_BLOCK},      {"video", IS_INLINE},
};

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_wide(char c)
{
    return (unsigned char)c >= 0x80;
}

/** The byte `k` behind the current one; 0 behind the end of the block. */
static char ahead(const struct pass *p, size_t k)
{
    return p->i + k < p->n ? p->in[p->i + k] : '\0';
}

/** The byte written last; '\n' at the start of a line. */
static char behind(const struct pass *p)
{
    return p->to > p->begin ? p->to[-1] : p->x->before;
}

/**
 * From here on nobody looks back. Called where a block may have ended, and so may not matter:
 * behind each line feed.
 */
static void put_seam(struct pass *p)
{
    p->x->before = behind(p);
    p->begin = p->to;
    p->link = 0;
}

static void put(struct pass *p, const char *text)
{
    const size_t n = strlen(text);
    memcpy(p->to, text, n);
    p->to += n;
}

static void put_gap(struct pass *p)
{
    if (behind(p) != ' ' && behind(p) != '\n') {
        *p->to++ = ' ';
    }
}

/** A word that stands for something. */
static void put_mark(struct pass *p, const char *mark)
{
    put_gap(p);
    put(p, mark);
    *p->to++ = ' ';
}

static void put_line_feed(struct pass *p)
{
    *p->to++ = '\n';
    put_seam(p);
}

// ---------------------------------------------------------------- HTML

static size_t name_at(const struct pass *p, size_t k, char *name)
{
    size_t n = 0;
    while (n < NAME_BYTES - 1 && is_alnum(ahead(p, k + n))) {
        const char c = ahead(p, k + n);
        name[n++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    name[n] = 0;
    const char stop = ahead(p, k + n);
    return stop == '>' || stop == '/' || stop == ' ' || stop == '\t' || stop == '\n' ||
                   stop == '\r' || stop == 0
               ? n
               : 0;
}

static int kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        if (strcmp(elements[i].name, name) == 0) {
            return elements[i].kind;
        }
    }
    return 0;
}

/** An element nobody knows is one if it ends in this line before another begins. */
static bool ends_in_line(const struct pass *p)
{
    for (size_t k = 1; p->i + k < p->n && k < LINK_BYTES_MAX; k++) {
        const char c = ahead(p, k);
        if (c == '>' || c == '<' || c == '\n') {
            return c == '>';
        }
    }
    return false;
}

static void enter_tag(struct pass *p, size_t n_bytes)
{
    p->x->mode = TAG;
    p->x->quote = 0;
    p->x->last = 0;
    p->x->n_tag_bytes = 0;
    p->i += n_bytes;
}

static bool take_tag(struct pass *p)
{
    struct extract *x = p->x;
    const bool is_end = ahead(p, 1) == '/';
    if (ahead(p, 1) == '!' && ahead(p, 2) == '-' && ahead(p, 3) == '-') {
        x->mode = COMMENT;
        x->n_dashes = 0;
        p->i += 4;
        return true;
    }
    if ((ahead(p, 1) == '!' || ahead(p, 1) == '?') && is_alnum(ahead(p, 2))) {
        enter_tag(p, 2);
        return true;
    }
    char name[NAME_BYTES];
    const size_t n = name_at(p, is_end ? 2 : 1, name);
    if (n == 0 || is_digit(name[0])) {
        return false;
    }
    const int kind = kind_of(name);
    if (kind == 0 && !ends_in_line(p)) {
        return false;
    }
    if (kind == IS_BLOCK && behind(p) != '\n') {
        put_line_feed(p);
    } else if (kind == IS_SKIPPED && !is_end) {
        memcpy(x->skip, name, n + 1);
        x->skip_depth = 1;
        put_gap(p);
    }
    enter_tag(p, n + 1 + is_end);
    return true;
}

static void pass_tag(struct pass *p)
{
    struct extract *x = p->x;
    while (p->i < p->n) {
        const char c = p->in[p->i++];
        if (c == '\n') {
            put_seam(p);
        }
        if (++x->n_tag_bytes > TAG_BYTES_MAX) {
            x->mode = TEXT;
            x->skip[0] = 0;
            return;
        }
        if (x->quote) {
            x->quote = c == x->quote ? 0 : x->quote;
        } else if ((c == '"' || c == '\'') && x->last == '=') {
            x->quote = c;
        } else if (c == '>') {
            x->mode = x->skip[0] ? SKIP : TEXT;
            return;
        }
        x->last = c == ' ' && x->last == '=' ? '=' : c;
    }
}

static void pass_comment(struct pass *p)
{
    struct extract *x = p->x;
    while (p->i < p->n && x->mode == COMMENT) {
        const char c = p->in[p->i++];
        if (c == '\n') {
            put_seam(p);
        }
        if (c == '>' && x->n_dashes >= 2) {
            x->mode = x->skip[0] ? SKIP : TEXT;
        }
        x->n_dashes = c == '-' ? x->n_dashes + 1 : 0;
    }
}

/** To the end tag of the element that is left out; elements of its name may stand inside. */
static void pass_skipped(struct pass *p)
{
    struct extract *x = p->x;
    while (p->i < p->n) {
        put_seam(p);
        const char *open = memchr(p->in + p->i, '<', p->n - p->i);
        if (!open) {
            p->i = p->n;
            return;
        }
        p->i = (size_t)(open - p->in);
        const bool is_end = ahead(p, 1) == '/';
        char name[NAME_BYTES];
        const size_t n = name_at(p, is_end ? 2 : 1, name);
        // A body that ends closes what was forgotten; a script may speak of scripts.
        const bool is_all =
            is_end && (strcmp(name, "html") == 0 || strcmp(name, "body") == 0);
        const bool is_raw =
            strcmp(x->skip, "script") == 0 || strcmp(x->skip, "style") == 0;
        const bool is_same = strcmp(name, x->skip) == 0 && (is_end || !is_raw);
        if (n > 0 && (is_same || is_all)) {
            x->skip_depth = is_all ? 0 : x->skip_depth + (is_end ? -1 : 1);
            if (x->skip_depth == 0) {
                x->skip[0] = 0;
            }
            enter_tag(p, n + 1 + is_end);
            return;
        }
        p->i++;
    }
}

/** Names of the characters from U+00A0 to U+00FF, then a few others. */
static const char latin_names[] =
    "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr "
    "deg "
    "plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 "
    "iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml "
    "Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash "
    "Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring "
    "aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve "
    "oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml ";
static const struct {
    const char *name;
    uint32_t c;
} other_names[] = {
    {"amp", '&'},      {"lt", '<'},        {"gt", '>'},       {"quot", '"'},
    {"apos", '\''},    {"hellip", 0x2026}, {"mdash", 0x2014}, {"ndash", 0x2013},
    {"lsquo", 0x2018}, {"rsquo", 0x2019},  {"ldquo", 0x201c}, {"rdquo", 0x201d},
    {"bull", 0x2022},  {"trade", 0x2122},  {"euro", 0x20ac},  {"hearts", 0x2665},
    {"ensp", ' '},     {"emsp", ' '},      {"thinsp", ' '},   {"zwj", 0x200d},
    {"zwnj", 0x200c},  {"oelig", 0x153},   {"OElig", 0x152},  {"star", 0x2606},
    {"starf", 0x2605},
};

static uint32_t entity_named(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        if (strlen(other_names[i].name) == n &&
            memcmp(other_names[i].name, name, n) == 0) {
            return other_names[i].c;
        }
    }
    uint32_t c = 0xa0;
    for (const char *p = latin_names; *p; c++) {
        const size_t n_name = strcspn(p, " ");
        if (n_name == n && memcmp(p, name, n) == 0) {
            return c == 0xa0 ? ' ' : c;
        }
        p += n_name + 1;
    }
    return 0;
}

static int digit_of(char c, int base)
{
    const int d = is_digit(c)                              ? c - '0'
                  : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                           : 99;
    return d < base ? d : -1;
}

static uint32_t entity_numbered(const char *text, size_t n)
{
    const int base = n > 1 && (text[0] | 0x20) == 'x' ? 16 : 10;
    uint32_t c = 0;
    for (size_t i = base == 16; i < n; i++) {
        const int d = digit_of(text[i], base);
        if (d < 0 || c > 0x10ffff) {
            return 0;
        }
        c = c * (uint32_t)base + (uint32_t)d;
    }
    const bool is_sound = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    return c == 0 ? 0 : c < ' ' || c == 0x7f ? ' ' : is_sound ? c : 0xfffd;
}

static bool take_entity(struct pass *p)
{
    enum { ENTITY_BYTES_MAX = 12 };
    size_t n = 1;
    while (n < ENTITY_BYTES_MAX &&
           (is_alnum(ahead(p, n)) || (n == 1 && ahead(p, n) == '#'))) {
        n++;
    }
    if (ahead(p, n) != ';' || n < 3) {
        return false;
    }
    const char *name = p->in + p->i + 1;
    const uint32_t c =
        name[0] == '#' ? entity_numbered(name + 1, n - 2) : entity_named(name, n - 1);
    if (c == 0) {
        return false;
    }
    p->to = feat_utf8_put(p->to, c);
    p->i += n + 1;
    return true;
}

// ---------------------------------------------------------------- Markdown

static size_t run_of(const struct pass *p, char c)
{
    size_t n = 0;
    while (p->i + n < p->n && p->in[p->i + n] == c) {
        n++;
    }
    return n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

/** Marks that only count at the start of a line. */
static void take_line_start(struct pass *p)
{
    for (;;) {
        while (ahead(p, 0) == ' ' || ahead(p, 0) == '\t') {
            p->i++;
        }
        const char c = ahead(p, 0);
        const size_t n = c == '#' || c == '`' || c == '~' ? run_of(p, c) : 1;
        const bool is_before_blank = is_blank(ahead(p, n)) && p->i + n < p->n;
        if (c == '>' && ahead(p, 1) != '!') {
            p->i++;
        } else if (c == '>') { // a spoiler, ">!it was a dream!<"
            p->i += 2;
        } else if ((c == '-' || c == '+' || c == '*' || (c == '#' && n <= 6)) &&
                   is_before_blank) {
            p->i += n;
        } else if ((c == '`' || c == '~') && n >= 3) { // a fence and what it names
            const char *feed = memchr(p->in + p->i, '\n', p->n - p->i);
            const size_t end = feed ? (size_t)(feed - p->in) : p->n;
            p->i = c == '`' || p->i + n == end ? end : p->i + n;
            return;
        } else {
            return;
        }
    }
}

static bool take_stars(struct pass *p)
{
    const size_t n = run_of(p, '*');
    if (n > 3 || (is_blank(behind(p)) && is_blank(ahead(p, n)))) {
        return false;
    }
    p->i += n;
    return true;
}

static bool take_underscores(struct pass *p)
{
    const size_t n = run_of(p, '_');
    const char before = behind(p), after = ahead(p, n);
    const bool is_inside =
        (is_alnum(before) || is_wide(before)) && (is_alnum(after) || is_wide(after));
    if (is_inside) {
        return false;
    }
    p->i += n;
    return true;
}

static bool is_board_code(const char *name, size_t n)
{
    static const char *const codes[] = {"b",      "i",    "u",     "s",      "url",
                                        "img",    "list", "quote", "color",  "size",
                                        "center", "code", "font",  "spoiler"};
    if (n > 0 && name[0] == '/') {
        name++;
        n--;
    }
    const char *equal = memchr(name, '=', n);
    n = equal ? (size_t)(equal - name) : n;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strlen(codes[i]) == n && strncasecmp(codes[i], name, n) == 0) {
            return true;
        }
    }
    return false;
}

static size_t find_in_line(const struct pass *p, size_t from, char c)
{
    for (size_t i = from; i < p->n && i < from + LINK_BYTES_MAX && p->in[i] != '\n';
         i++) {
        if (p->in[i] == c) {
            return i;
        }
    }
    return 0;
}

static bool take_bracket(struct pass *p)
{
    const size_t close = find_in_line(p, p->i + 1, ']');
    if (close == 0) {
        return false;
    }
    const char *inside = p->in + p->i + 1;
    const size_t n = close - p->i - 1;
    if (close + 1 < p->n && p->in[close + 1] == '(' && find_in_line(p, close + 2, ')')) {
        if (p->i > 0 && p->in[p->i - 1] == '!' && behind(p) == '!') {
            p->to--; // an image
        }
        p->link = close;
        p->i++;
        return true;
    }
    size_t n_digits = 0;
    while (n_digits < n && is_digit(inside[n_digits])) {
        n_digits++;
    }
    if ((n > 0 && n < 4 && n_digits == n) || is_board_code(inside, n)) {
        p->i = close + 1;
        return true;
    }
    return false;
}

static bool take_bracket_end(struct pass *p)
{
    if (p->link == 0 || p->i != p->link) {
        return false;
    }
    p->i = find_in_line(p, p->i + 2, ')') + 1;
    p->link = 0;
    return true;
}

// ---------------------------------------------------------------- posts

static bool is_url_byte(char c)
{
    return is_alnum(c) || (c && strchr("-._~:/?#[]@!$&'()*+,;=%", c));
}

/** Bytes of an address from offset `k` on, without the stops that close a sentence. */
static size_t url_bytes(const struct pass *p, size_t k)
{
    size_t n = 0;
    while (is_url_byte(ahead(p, k + n))) {
        n++;
    }
    while (n > 0 && strchr(".,;:!?'()[]*", p->in[p->i + k + n - 1])) {
        n--;
    }
    return n;
}

/** Was `word` written last, and nothing of a word before it? */
static bool ends_with(const struct pass *p, const char *word)
{
    const size_t n = strlen(word), there = (size_t)(p->to - p->begin);
    return there >= n && strncasecmp(p->to - n, word, n) == 0 &&
           (there == n || !is_alnum(p->to[-(ptrdiff_t)n - 1]));
}

static bool take_scheme(struct pass *p)
{
    static const char *const schemes[] = {"http", "https", "ftp"};
    if (ahead(p, 1) != '/' || ahead(p, 2) != '/' || !is_alnum(ahead(p, 3))) {
        return false;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (ends_with(p, schemes[i])) {
            p->to -= strlen(schemes[i]);
            p->i += 3 + url_bytes(p, 3);
            put_mark(p, "@url");
            return true;
        }
    }
    return false;
}

static bool take_www(struct pass *p)
{
    if (!ends_with(p, "www") || !is_alnum(ahead(p, 1))) {
        return false;
    }
    p->to -= 3;
    p->i += 1 + url_bytes(p, 1);
    put_mark(p, "@url");
    return true;
}

/** "pic.twitter.com/x": a name with a well known end before a stroke. */
static bool take_path(struct pass *p)
{
    static const char *const ends[] = {".com", ".org", ".net", ".cn", ".tv",
                                       ".co",  ".be",  ".ly",  ".me", ".io"};
    bool is_host = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends && !is_host; i++) {
        const size_t n = strlen(ends[i]);
        is_host = (size_t)(p->to - p->begin) > n && memcmp(p->to - n, ends[i], n) == 0;
    }
    if (!is_host) {
        return false;
    }
    while (is_alnum(behind(p)) || behind(p) == '.' || behind(p) == '-') {
        p->to--;
    }
    p->i += 1 + url_bytes(p, 1);
    put_mark(p, "@url");
    return true;
}

static bool is_local_byte(char c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '+';
}

static bool take_mail(struct pass *p)
{
    size_t n = 1, i_dot = 0;
    for (; is_alnum(ahead(p, n)) || ahead(p, n) == '-' || ahead(p, n) == '.'; n++) {
        i_dot = ahead(p, n) == '.' && is_alnum(ahead(p, n + 1)) ? n : i_dot;
    }
    if (i_dot < 2) {
        return false;
    }
    while (is_local_byte(behind(p))) {
        p->to--;
    }
    p->i += ahead(p, n - 1) == '.' ? n - 1 : n;
    put_mark(p, "@url");
    return true;
}

/** Bytes of the letters, digits and low lines from offset `k` on. */
static size_t name_bytes(const struct pass *p, size_t k, size_t n_max)
{
    size_t i = p->i + k;
    const size_t begin = i;
    while (i < p->n && i - begin < n_max) {
        size_t next = i;
        if (!is_wide(p->in[i])) {
            if (!is_alnum(p->in[i]) && p->in[i] != '_' && p->in[i] != '-') {
                break;
            }
            next++;
        } else {
            const enum feat_class class =
                feat_class_of(p->x->icu, feat_utf8_next(p->in, &next));
            if (class == FEAT_GAP || class == FEAT_EMOJI) {
                break;
            }
        }
        i = next;
    }
    return i - begin;
}

static bool take_mention(struct pass *p)
{
    enum { NAME_BYTES_MAX = 90 /* thirty Chinese characters */ };
    if (is_local_byte(behind(p))) {
        return take_mail(p);
    }
    const size_t n = name_bytes(p, 1, NAME_BYTES_MAX);
    if (n == 0) {
        return false;
    }
    if (p->to - p->begin == 3 && memcmp(p->begin, "RT ", 3) == 0) {
        p->to = p->begin;
    }
    p->i += 1 + n;
    put_mark(p, "@someone");
    return true;
}

static bool take_hashtag(struct pass *p)
{
    enum { TAG_NAME_BYTES_MAX = 150 };
    const size_t n = name_bytes(p, 1, TAG_NAME_BYTES_MAX);
    const char *name = p->in + p->i + 1;
    bool has_letter = false;
    for (size_t i = 0; i < n; i++) {
        has_letter |= !is_digit(name[i]);
    }
    if (!has_letter || is_alnum(behind(p)) || behind(p) == '&') {
        return false;
    }
    put_gap(p);
    for (size_t i = 0; i < n; i++) {
        const bool is_capital = name[i] >= 'A' && name[i] <= 'Z';
        const bool was_small = i > 0 && is_alnum(name[i - 1]) && name[i - 1] > 'Z';
        if (is_capital && was_small) {
            *p->to++ = ' ';
        }
        *p->to++ = name[i] == '_' ? ' ' : name[i];
    }
    *p->to++ = ' ';
    p->i += 1 + n + (ahead(p, 1 + n) == '#');
    return true;
}

// ---------------------------------------------------------------- emoji

static bool take_emoticon(struct pass *p)
{
    static const struct {
        const char *signs, *emoji;
    } table[] = {
        {":'(", "😢"}, {":-)", "🙂"}, {":-(", "🙁"}, {":-D", "😀"},   {":-P", "😛"},
        {";-)", "😉"}, {":-/", "😕"},    {":)", "🙂"},  {":(", "🙁"}, {":D", "😀"},
        {":P", "😛"},  {":p", "😛"},     {";)", "😉"},     {":/", "😕"},    {"<3", "❤"},
        {"</3", "💔"}, {"^_^", "🙂"}, {"^^", "🙂"},
    };
    const char before = behind(p);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const size_t n = strlen(table[i].signs);
        if (p->i + n > p->n || memcmp(p->in + p->i, table[i].signs, n) != 0) {
            continue;
        }
        // Letters may touch a bracket ("great:)"), nothing else may.
        const bool is_bracket = p->in[p->i + n - 1] == ')' || p->in[p->i + n - 1] == '(';
        if (is_alnum(ahead(p, n)) || is_digit(before) ||
            (is_alnum(before) && !is_bracket)) {
            return false;
        }
        p->i += n;
        put_mark(p, table[i].emoji);
        return true;
    }
    return false;
}

/** Variants, skins and what is joined say little more: they go. */
static size_t emoji_tail(const struct pass *p, size_t i)
{
    for (;;) {
        const size_t n_left = p->n - i;
        const unsigned char *s = (const unsigned char *)p->in + i;
        if (n_left >= 3 && memcmp(s, "\xef\xb8\x8f", 3) == 0) {
            i += 3;
        } else if (n_left >= 4 && memcmp(s, "\xf0\x9f\x8f", 3) == 0 && s[3] >= 0xbb) {
            i += 4;
        } else if (n_left >= 6 && memcmp(s, "\xe2\x80\x8d", 3) == 0 && s[3] >= 0xe2) {
            i += 3 + feat_utf8_length(s[3]);
        } else {
            return i;
        }
    }
}

static bool take_emoji(struct pass *p)
{
    size_t next = p->i;
    const uint32_t c = feat_utf8_next(p->in, &next);
    if (feat_class_of(p->x->icu, c) != FEAT_EMOJI) {
        memcpy(p->to, p->in + p->i, next - p->i);
        p->to += next - p->i;
        p->i = next;
        return true;
    }
    put_gap(p);
    p->to = feat_utf8_put(p->to, c);
    *p->to++ = ' ';
    p->i = emoji_tail(p, next);
    return true;
}

// ---------------------------------------------------------------- the step

/** Bytes that may begin something; all others are copied. */
static const bool is_sign[256] = {
    ['\n'] = true, ['<'] = true, ['&'] = true, ['['] = true,  [']'] = true,
    ['*'] = true,  ['_'] = true, ['`'] = true, ['~'] = true,  ['\\'] = true,
    ['@'] = true,  ['#'] = true, [':'] = true, [';'] = true,  ['.'] = true,
    ['/'] = true,  ['^'] = true, ['!'] = true, [0xe2] = true, [0xf0] = true,
};

static bool take(struct pass *p, unsigned char sign)
{
    switch (sign) {
    case '<':
        return take_emoticon(p) || take_tag(p);
    case '&':
        return take_entity(p);
    case '[':
        return take_bracket(p);
    case ']':
        return take_bracket_end(p);
    case '*':
        return take_stars(p);
    case '_':
        return take_underscores(p);
    case '`':
        p->i++;
        return true;
    case '~':
        p->i += ahead(p, 1) == '~' && ahead(p, 2) != '~' ? 2 : 0;
        return ahead(p, 0) != '~';
    case '\\': // what follows is meant as it is
        if (strchr("*_`#[]()<>~!.-+", ahead(p, 1)) && ahead(p, 1)) {
            *p->to++ = ahead(p, 1);
            p->i += 2;
            return true;
        }
        return false;
    case '!': // the end of a spoiler
        p->i += ahead(p, 1) == '<' && is_blank(ahead(p, 2)) ? 2 : 0;
        return ahead(p, 0) != '!';
    case '@':
        return take_mention(p);
    case '#':
        return take_hashtag(p);
    case ':':
        return take_scheme(p) || take_emoticon(p);
    case ';':
    case '^':
        return take_emoticon(p);
    case '.':
        return take_www(p);
    case '/':
        return take_path(p);
    default:
        return take_emoji(p);
    }
}

static void pass_text(struct pass *p)
{
    struct extract *x = p->x;
    while (p->i < p->n && x->mode == TEXT) {
        if (!x->is_line_inside) {
            take_line_start(p);
            x->is_line_inside = true;
        }
        size_t end = p->i;
        while (end < p->n && !is_sign[(unsigned char)p->in[end]]) {
            end++;
        }
        memcpy(p->to, p->in + p->i, end - p->i);
        p->to += end - p->i;
        p->i = end;
        if (end == p->n) {
            return;
        }
        const char sign = p->in[p->i];
        if (sign == '\n') {
            p->i++;
            put_line_feed(p);
            x->is_line_inside = false;
        } else if (!take(p, (unsigned char)sign)) {
            *p->to++ = sign;
            p->i++;
        }
    }
}

static enum reel_status extract_open(const struct feat_env *env, void *state,
                                     struct reel_error *err)
{
    (void)err;
    *(struct extract *)state = (struct extract){.icu = env->icu, .before = '\n'};
    return REEL_OK;
}

static void extract_reset(void *state)
{
    struct extract *x = state;
    *x = (struct extract){.icu = x->icu, .before = '\n'};
}

static bool extract_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    enum { GROWTH = 6 /* "@a" becomes "@someone" between blanks */ };
    char *to = base_buffer_reserve(out, GROWTH * n + 16);
    if (!to) {
        return false;
    }
    struct pass p = {.x = state, .in = in, .n = n, .to = to, .begin = to};
    while (p.i < p.n) {
        switch (p.x->mode) {
        case TEXT:
            pass_text(&p);
            break;
        case TAG:
            pass_tag(&p);
            break;
        case COMMENT:
            pass_comment(&p);
            break;
        case SKIP:
            pass_skipped(&p);
            break;
        }
    }
    put_seam(&p);
    out->n_bytes = (size_t)(p.to - out->data);
    return true;
}

const struct feat_step feat_step_extract = {
    .n_state_bytes = sizeof(struct extract),
    .open = extract_open,
    .run = extract_run,
    .reset = extract_reset,
};
