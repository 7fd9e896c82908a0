// Douban: what one viewer marked there, as CSV. Douban has no export of its own, so there
// are many tables, made by browser scripts and by 豆伴; columns are recognised by Chinese or
// English names, in any order. A title is "通天塔/Babel/巴别塔(港)/…": the Chinese one first,
// then others with a note of their region. Stars are 1..5, blank for a film that was seen
// and not rated.

#include "catalog_draft.h"

#include <string.h>
#include <strings.h>

enum column {
    COL_TITLE,
    COL_URL,
    COL_RATING,
    COL_DATE,
    COL_STATUS,
    COL_COMMENT,
    COL_TAGS,
    COL_RELEASE,
    COL_COUNTRY,
    COL_GENRE,
    COL_DIRECTOR,
    COL_ACTOR,
    COL_INTRO,
    COL_MEAN,
    COL_IMDB,
    N_COLUMNS,
};

enum { NAMES_MAX = 8, PARTS_MAX = 64 };

static const char *const names[N_COLUMNS][NAMES_MAX] = {
    [COL_TITLE] = {"标题", "title", "片名", "电影名", "名称", "电影"},
    [COL_URL] = {"条目链接", "链接", "url", "link", "豆瓣链接"},
    [COL_RATING] = {"个人评分", "我的评分", "rating", "打分", "评分"},
    [COL_DATE] = {"打分日期", "创建时间", "date", "标记日期", "标记时间", "日期"},
    [COL_STATUS] = {"状态", "status"},
    [COL_COMMENT] = {"我的短评", "评论", "comment", "短评", "我的评论"},
    [COL_TAGS] = {"标签", "tags", "我的标签", "tag"},
    [COL_RELEASE] = {"上映日期", "年份", "year", "上映年份"},
    [COL_COUNTRY] = {"制片国家", "制片国家/地区", "国家/地区", "country", "国家"},
    [COL_GENRE] = {"类型", "genre", "genres"},
    [COL_DIRECTOR] = {"导演", "director", "directors"},
    [COL_ACTOR] = {"主演", "演员", "actors"},
    [COL_INTRO] = {"简介", "intro"},
    [COL_MEAN] = {"豆瓣评分"},
    [COL_IMDB] = {"imdb", "imdb链接", "imdb编号"},
};

struct douban {
    struct catalog_reader *r;
    struct catalog_csv csv;
    int32_t column[N_COLUMNS];
    bool is_wish_list; // by the name of the file
    struct catalog_draft draft;
    char problem[256];
};

static char *field(const struct douban *douban, enum column c)
{
    return catalog_trim(catalog_csv_field(&douban->csv, douban->column[c]));
}

static void complain(struct douban *douban, enum column c, const char *what)
{
    if (!douban->problem[0]) {
        snprintf(douban->problem, sizeof douban->problem, "%s: %.120s",
                 douban->csv.column[douban->column[c]], what);
    }
}

// ---- titles ----

// Cut at '/' outside brackets, which may hold one: "(港/台)".
static int32_t split_titles(char *text, const char **part)
{
    int32_t n = 0, depth = 0;
    char *begin = text;
    for (char *p = text;; p++) {
        if (*p == '(' || strncmp(p, "（", 3) == 0) {
            depth++;
        } else if ((*p == ')' || strncmp(p, "）", 3) == 0) && depth > 0) {
            depth--;
        }
        const bool is_end = *p == '\0';
        if (is_end || (*p == '/' && depth == 0)) {
            *p = '\0';
            begin = catalog_trim(begin);
            if (begin[0] && n < PARTS_MAX) {
                part[n++] = begin;
            }
            begin = p + 1;
        }
        if (is_end) {
            return n;
        }
    }
}

// The note in brackets that a title ends with, cut off; NULL when there is none.
static char *cut_note(char *title)
{
    const size_t n = strlen(title);
    const bool is_wide = n > 3 && strcmp(title + n - 3, "）") == 0;
    if (n < 3 || (!is_wide && title[n - 1] != ')')) {
        return NULL;
    }
    char *open = is_wide ? NULL : strrchr(title, '(');
    for (char *p = title; is_wide && (p = strstr(p, "（")); p += 3) {
        open = p; // the last one
    }
    if (!open || open == title) {
        return NULL;
    }
    title[n - (is_wide ? 3 : 1)] = '\0';
    char *note = open + (is_wide ? 3 : 1);
    *open = '\0';
    return note;
}

static const char *language_by_letters(const char *title)
{
    const char *language = catalog_title_language(title);
    bool is_ascii = true, has_letter = false;
    for (const char *p = title; *p; p++) {
        is_ascii = is_ascii && (signed char)*p > 0;
        has_letter = has_letter || ((*p | 32) >= 'a' && (*p | 32) <= 'z');
    }
    return language ? language : is_ascii && has_letter ? "en" : NULL;
}

// A further title. Regions are kept as language; a translation by users is not a title.
static void add_title(struct douban *douban, const char *text)
{
    struct catalog_draft *draft = &douban->draft;
    char *title = (char *)(uintptr_t)catalog_draft_keep(draft, text);
    char *note = title ? cut_note(title) : NULL;
    if (!note) {
        if (title) {
            catalog_draft_title(draft, title, language_by_letters(title));
        }
        return;
    }
    title = catalog_trim(title);
    const bool is_hk = strstr(note, "港"), is_tw = strstr(note, "台");
    if (is_hk) {
        catalog_draft_title(draft, title, "zh-HK");
    }
    if (is_tw) {
        catalog_draft_title(draft, title, "zh-TW");
    }
    if (!is_hk && !is_tw && !strstr(note, "译名")) {
        const bool is_mainland = strstr(note, "大陆") || strstr(note, "内地");
        catalog_draft_title(draft, is_mainland ? title : text,
                            is_mainland ? "zh-CN" : language_by_letters(text));
    }
}

static void read_titles(struct douban *douban)
{
    const char *part[PARTS_MAX];
    const int32_t n = split_titles(field(douban, COL_TITLE), part);
    for (int32_t i = 0; i < n; i++) {
        if (i == 0) {
            douban->draft.film.ref.title = part[0];
        }
        if (strcmp(part[i], "…") != 0 && strcmp(part[i], "...") != 0) {
            add_title(douban, part[i]);
        }
    }
}

// ---- what a row knows of its film ----

// The earliest year in "2007-02-27(中国) / 2006-05-23(戛纳电影节)".
static int32_t earliest_year(const char *text)
{
    int32_t earliest = REEL_YEAR_UNKNOWN;
    while (*(text += strcspn(text, "0123456789"))) {
        const size_t n = strspn(text, "0123456789");
        char digits[8];
        int32_t year;
        snprintf(digits, sizeof digits, "%.4s", text);
        if (n == 4 && catalog_parse_year(digits, &year) &&
            (earliest == REEL_YEAR_UNKNOWN || year < earliest)) {
            earliest = year;
        }
        text += n;
    }
    return earliest;
}

typedef void add_text_call(struct catalog_draft *draft, const char *text);

static void add_director(struct catalog_draft *draft, const char *text)
{
    catalog_draft_person(draft, text, REEL_ROLE_DIRECTOR, NULL);
}

static void add_actor(struct catalog_draft *draft, const char *text)
{
    catalog_draft_person(draft, text, REEL_ROLE_ACTOR, NULL);
}

// Parts between any of the ASCII characters in `separators`.
static void add_parts(struct douban *douban, char *text, const char *separators,
                      add_text_call *add)
{
    for (char *rest = NULL, *part = strtok_r(text, separators, &rest); part;
         part = strtok_r(NULL, separators, &rest)) {
        add(&douban->draft, catalog_trim(part));
    }
}

// 豆伴: "2006 / 法国 美国 / 剧情 / 导演 / 演员 演员", all five or not to be trusted.
static void read_intro(struct douban *douban)
{
    char *part[5];
    int32_t n = 0;
    char *text = field(douban, COL_INTRO);
    for (char *end; text && n < 5; text = end) {
        end = strstr(text, " / ");
        if (end) {
            *end = '\0';
            end += 3;
        }
        part[n++] = text;
    }
    int32_t *year = &douban->draft.film.ref.year;
    if (n == 0 || earliest_year(part[0]) == REEL_YEAR_UNKNOWN) {
        return;
    }
    *year = *year ? *year : earliest_year(part[0]);
    if (n == 5) {
        add_parts(douban, part[1], " ", catalog_draft_country);
        add_parts(douban, part[2], " ", catalog_draft_genre);
        add_parts(douban, part[3], " ", add_director);
        add_parts(douban, part[4], " ", add_actor);
    }
}

static void read_ids(struct douban *douban)
{
    struct reel_film_ref *ref = &douban->draft.film.ref;
    char *url = field(douban, COL_URL);
    char *digits = strstr(url, "subject/");
    if (strstr(url, "book.douban.com") || strstr(url, "music.douban.com")) {
        complain(douban, COL_URL, "not a film");
    } else if (url[0]) {
        digits = digits ? digits + strlen("subject/") : url;
        const size_t n = strspn(digits, "0123456789");
        if (n == 0 || n > 18 || (digits[n] && digits[n] != '/' && digits[n] != '?')) {
            complain(douban, COL_URL, url);
            return;
        }
        digits[n] = '\0';
        ref->source = "douban";
        ref->id = ref->douban = digits;
    }
    const char *text = field(douban, COL_IMDB);
    char imdb[16];
    if (text[0] && catalog_parse_imdb(text, imdb)) {
        ref->imdb = catalog_draft_keep(&douban->draft, imdb);
    } else if (text[0]) {
        complain(douban, COL_IMDB, text);
    }
}

static void read_film(struct douban *douban)
{
    struct reel_film *film = &douban->draft.film;
    read_ids(douban);
    read_titles(douban);
    film->ref.year = earliest_year(field(douban, COL_RELEASE));
    add_parts(douban, field(douban, COL_COUNTRY), "/,|", catalog_draft_country);
    add_parts(douban, field(douban, COL_GENRE), "/,|", catalog_draft_genre);
    add_parts(douban, field(douban, COL_DIRECTOR), "/,|", add_director);
    add_parts(douban, field(douban, COL_ACTOR), "/,|", add_actor);
    read_intro(douban);
    const char *mean = field(douban, COL_MEAN);
    if (mean[0] && (!catalog_parse_decimal(mean, &film->vote_mean) ||
                    film->vote_mean < 0 || film->vote_mean > 10)) {
        complain(douban, COL_MEAN, mean);
    } else if (film->vote_mean == 0) { // too few votes
        film->vote_mean = NAN;
    }
    if (!douban->problem[0] && !film->ref.id && !film->ref.title) {
        complain(douban, COL_TITLE, "neither title nor address");
    }
}

// ---- what it says of the viewer ----

static double read_rating(struct douban *douban)
{
    static const char *const words[] = {"很差", "较差", "还行", "推荐", "力荐"};
    const char *text = field(douban, COL_RATING);
    double stars;
    if (!text[0] || strcmp(text, "0") == 0) {
        return NAN;
    }
    for (int i = 0; i < 5; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i + 1;
        }
    }
    const char *reason = catalog_read_stars(text, 5, &stars);
    if (reason) {
        char what[128];
        snprintf(what, sizeof what, "%s, %.60s", reason, text);
        complain(douban, COL_RATING, what);
        return NAN;
    }
    return stars;
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum reel_event_kind read_status(struct douban *douban)
{
    static const char *const seen[] = {"看过", "在看",  "collect", "do",
                                       "done", "doing", "watched", "watching"};
    static const char *const wished[] = {"想看", "wish", "want", "wishlist"};
    const char *text = field(douban, COL_STATUS);
    if (!text[0]) {
        return douban->is_wish_list ? REEL_EVENT_WISH : REEL_EVENT_WATCH;
    }
    if (is_one_of(text, wished, sizeof wished / sizeof wished[0])) {
        return REEL_EVENT_WISH;
    }
    if (!is_one_of(text, seen, sizeof seen / sizeof seen[0])) {
        complain(douban, COL_STATUS, text);
    }
    return REEL_EVENT_WATCH;
}

// Tags stand between commas of either script, or else between blanks.
static enum reel_status emit_tags(struct douban *douban, struct reel_event *event,
                                  struct reel_error *err)
{
    char *text = field(douban, COL_TAGS);
    static const char *const wide[] = {"，", "、"};
    for (size_t i = 0; i < 2; i++) {
        for (char *p; (p = strstr(text, wide[i]));) {
            memcpy(p, " , ", 3);
        }
    }
    const char *separators = strpbrk(text, ",|") ? ",|" : " ";
    enum reel_status rc = REEL_OK;
    event->kind = REEL_EVENT_TAG;
    for (char *rest = NULL, *tag = strtok_r(text, separators, &rest);
         rc == REEL_OK && tag; tag = strtok_r(NULL, separators, &rest)) {
        event->text = catalog_trim(tag);
        if (event->text[0]) {
            rc = catalog_event(douban->r, event, err);
        }
    }
    return rc;
}

static enum reel_status emit_events(struct douban *douban, enum reel_event_kind kind,
                                    double stars, int64_t at_s, struct reel_error *err)
{
    struct reel_event event = catalog_event_blank();
    event.kind = kind;
    event.viewer = douban->r->opt->viewer;
    event.film = douban->draft.film.ref;
    event.at_s = at_s;
    enum reel_status rc = catalog_event(douban->r, &event, err);
    if (rc == REEL_OK && !isnan(stars)) {
        event.kind = REEL_EVENT_RATE;
        event.value = stars;
        rc = catalog_event(douban->r, &event, err);
        event.value = NAN;
    }
    event.text = field(douban, COL_COMMENT);
    if (rc == REEL_OK && event.text[0]) {
        event.kind = REEL_EVENT_REVIEW;
        rc = catalog_event(douban->r, &event, err);
    }
    return rc ? rc : emit_tags(douban, &event, err);
}

static enum reel_status read_row(struct douban *douban, struct reel_error *err)
{
    int64_t at_s = REEL_TIME_UNKNOWN;
    douban->problem[0] = '\0';
    catalog_draft_begin(&douban->draft, &douban->r->row);
    read_film(douban);
    const enum reel_event_kind kind = read_status(douban);
    const double stars = read_rating(douban);
    const char *date = field(douban, COL_DATE);
    const char *reason = catalog_read_time(douban->r, date, &at_s);
    if (reason) {
        char what[128];
        snprintf(what, sizeof what, "%s, %.60s", reason, date);
        complain(douban, COL_DATE, what);
    }
    if (douban->problem[0]) {
        return catalog_refuse(douban->r, err, "%s", douban->problem);
    }
    const enum reel_status rc = catalog_draft_emit(&douban->draft, douban->r, err);
    return rc ? rc : emit_events(douban, kind, stars, at_s, err);
}

// ---- tables ----

static enum reel_status find_columns(struct douban *douban, struct reel_error *err)
{
    for (int c = 0; c < N_COLUMNS; c++) {
        douban->column[c] = -1;
        for (int i = 0; i < NAMES_MAX && names[c][i] && douban->column[c] < 0; i++) {
            douban->column[c] = catalog_csv_column(&douban->csv, names[c][i]);
        }
    }
    if (douban->column[COL_TITLE] < 0) {
        return catalog_fail(douban->r, err,
                            "no column 标题 or title, so no table of films from Douban");
    }
    return REEL_OK;
}

// The header; some tables stand between bars, which nobody guesses.
static enum reel_status open_table(struct douban *douban, struct catalog_input *in,
                                   struct reel_error *err)
{
    struct catalog_csv *csv = &douban->csv;
    enum reel_status rc = catalog_csv_init(csv, in, 0, err);
    douban->r->where = catalog_input_where(in);
    if (rc == REEL_OK && csv->n_columns == 1 && strchr(csv->column[0], '|')) {
        catalog_csv_release(csv);
        rc = catalog_input_rewind(in, err);
        rc = rc ? rc : catalog_csv_init(csv, in, '|', err);
        douban->r->where = catalog_input_where(in);
    }
    return rc ? rc : find_columns(douban, err);
}

static enum reel_status read_table(struct catalog_reader *r, int32_t i_member,
                                   struct reel_error *err)
{
    struct douban douban = {.r = r};
    struct catalog_input *in = NULL;
    bool is_row = true;
    enum reel_status rc = catalog_input_open(r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    const char *member = catalog_source_member(r->source, i_member);
    douban.is_wish_list = strstr(member, "想看") || strcasestr(member, "wish");
    rc = open_table(&douban, in, err);
    while (rc == REEL_OK &&
           (rc = catalog_csv_next(&douban.csv, &is_row, err)) == REEL_OK && is_row) {
        r->where = catalog_input_where(in);
        rc = read_row(&douban, err);
        base_arena_clear(&r->row);
    }
    catalog_csv_release(&douban.csv);
    catalog_input_close(in);
    return rc;
}

enum reel_status catalog_douban_read(struct catalog_reader *r, struct reel_error *err)
{
    if (catalog_source_is_file(r->source)) {
        return read_table(r, 0, err);
    }
    int32_t i = catalog_source_find(r->source, "*.csv", 0);
    if (i < 0) {
        return fail(
            err, REEL_EFORMAT,
            "%s: no .csv file in it; a workbook (.xlsx) must be saved as CSV UTF-8",
            catalog_source_path(r->source));
    }
    enum reel_status rc = REEL_OK;
    for (; rc == REEL_OK && i >= 0; i = catalog_source_find(r->source, "*.csv", i + 1)) {
        rc = read_table(r, i, err);
    }
    return rc;
}
