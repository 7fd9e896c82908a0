/**
 * Situations as words: reading, printing, telling them from the clock, and their hard
 * limits. What a situation is worth is learned in taste_context_model.c.
 */
#include "base_error.h"

#include <forkreel/feedback.h>
#include <forkreel/rank.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { N_VALUES_MAX = 5, N_WORDS_MAX = 4 };

/** The first English and the first Chinese word of each are those that are shown. */
struct words {
    const char *en[N_WORDS_MAX], *zh[N_WORDS_MAX];
};

struct kind {
    struct words name;
    struct words value[N_VALUES_MAX];
    int32_t n;
};

static const struct kind kinds[REEL_N_CONTEXT_KINDS] = {
    [REEL_CONTEXT_HOUR] = {{{"hour", "time"}, {"时段", "时间"}},
                           {{{"night"}, {"深夜", "夜里", "夜间"}},
                            {{"morning"}, {"早上", "早晨", "上午"}},
                            {{"afternoon"}, {"下午", "中午"}},
                            {{"evening"}, {"晚上", "傍晚"}}},
                           4},
    [REEL_CONTEXT_DAY] = {{{"day", "weekday"}, {"日子", "星期"}},
                          {{{"workday", "weekday"}, {"工作日", "平日"}},
                           {{"weekend", "holiday"}, {"周末", "假日", "节假日"}}},
                          2},
    [REEL_CONTEXT_SEASON] = {{{"season"}, {"季节"}},
                             {{{"spring"}, {"春天", "春季", "春"}},
                              {{"summer"}, {"夏天", "夏季", "夏"}},
                              {{"autumn", "fall"}, {"秋天", "秋季", "秋"}},
                              {{"winter"}, {"冬天", "冬季", "冬"}}},
                             4},
    [REEL_CONTEXT_DEVICE] = {{{"device"}, {"设备"}},
                             {{{"tv", "television"}, {"电视"}},
                              {{"computer", "laptop", "pc"}, {"电脑", "计算机"}},
                              {{"tablet"}, {"平板", "平板电脑"}},
                              {{"phone", "mobile"}, {"手机"}}},
                             4},
    [REEL_CONTEXT_COMPANY] = {{{"company", "with"}, {"同伴", "陪伴", "和谁"}},
                              {{{"alone", "nobody"}, {"独自", "一个人", "自己"}},
                               {{"partner", "date"}, {"伴侣", "爱人", "恋人"}},
                               {{"children", "kids", "family"}, {"孩子", "小孩", "家人"}},
                               {{"friends"}, {"朋友"}}},
                              4},
    [REEL_CONTEXT_MOOD] = {{{"mood"}, {"心情"}},
                           {{{"calm", "tired"}, {"平静", "疲惫", "累"}},
                            {{"cheerful", "happy"}, {"愉快", "开心", "高兴"}},
                            {{"sad"}, {"难过", "伤心", "悲伤"}},
                            {{"tense", "excited"}, {"紧张", "兴奋"}},
                            {{"curious"}, {"好奇"}}},
                           5},
};

static const struct words minutes_name = {{"minutes", "runtime"}, {"分钟", "时长"}};
static const struct words language_name = {{"language"}, {"语言"}};
static const struct words age_name = {{"age"}, {"年龄"}};

static const struct words weekdays[7] = {
    {{"sunday", "sun"}, {"周日", "星期日", "星期天"}},
    {{"monday", "mon"}, {"周一", "星期一"}},
    {{"tuesday", "tue"}, {"周二", "星期二"}},
    {{"wednesday", "wed"}, {"周三", "星期三"}},
    {{"thursday", "thu"}, {"周四", "星期四"}},
    {{"friday", "fri"}, {"周五", "星期五"}},
    {{"saturday", "sat"}, {"周六", "星期六"}},
};

static bool is_word(const struct words *words, const char *text)
{
    for (int i = 0; i < N_WORDS_MAX; i++) {
        if ((words->en[i] && strcasecmp(words->en[i], text) == 0) ||
            (words->zh[i] && strcmp(words->zh[i], text) == 0)) {
            return true;
        }
    }
    return false;
}

static const char *shown_word(const struct words *words, const char *lang)
{
    return lang && strcmp(lang, "zh") == 0 ? words->zh[0] : words->en[0];
}

struct reel_context reel_context_unknown(void)
{
    struct reel_context context = {0};
    memset(context.value, -1, sizeof context.value);
    return context;
}

const char *reel_context_kind_name(enum reel_context_kind kind, const char *lang)
{
    return shown_word(&kinds[kind].name, lang);
}

int32_t reel_context_n_values(enum reel_context_kind kind)
{
    return kinds[kind].n;
}

const char *reel_context_value_name(enum reel_context_kind kind, int32_t value,
                                    const char *lang)
{
    return value < 0 || value >= kinds[kind].n
               ? ""
               : shown_word(&kinds[kind].value[value], lang);
}

// ---- from the clock ----

static int8_t hour_value(long hour)
{
    return (int8_t)(hour < 6 || hour >= 23 ? 0 : hour < 12 ? 1 : hour < 18 ? 2 : 3);
}

static int8_t weekday_value(int weekday)
{
    return weekday == 0 || weekday == 6;
}

struct reel_context reel_context_at(int64_t at_s)
{
    struct reel_context context = reel_context_unknown();
    const time_t when = (time_t)at_s;
    struct tm local;
    if (localtime_r(&when, &local)) {
        context.value[REEL_CONTEXT_HOUR] = hour_value(local.tm_hour);
        context.value[REEL_CONTEXT_DAY] = weekday_value(local.tm_wday);
        // March to May is spring, and so on; January and February belong to winter.
        context.value[REEL_CONTEXT_SEASON] = (int8_t)((local.tm_mon + 10) % 12 / 3);
    }
    return context;
}

struct reel_context reel_context_or(const struct reel_context *known,
                                    const struct reel_context *other)
{
    struct reel_context both = *known;
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        both.value[k] = known->value[k] < 0 ? other->value[k] : known->value[k];
    }
    both.minutes = known->minutes ? known->minutes : other->minutes;
    both.age = known->age ? known->age : other->age;
    if (!*known->language) {
        memcpy(both.language, other->language, sizeof both.language);
    }
    return both;
}

// ---- reading ----

static bool parse_number(const char *text, long low, long high, long *out)
{
    char *end;
    *out = strtol(text, &end, 10);
    return end != text && !*end && *out >= low && *out <= high;
}

/** "calm, cheerful, sad", for a message. */
static void list_values(const struct kind *kind, char *text, size_t n_bytes)
{
    size_t n = 0;
    text[0] = '\0';
    for (int32_t v = 0; v < kind->n && n < n_bytes; v++) {
        const int more = snprintf(text + n, n_bytes - n, "%s%s %s", v ? ", " : "",
                                  kind->value[v].en[0], kind->value[v].zh[0]);
        n += more > 0 ? (size_t)more : 0;
    }
}

static enum reel_status set_value(int k, const char *word, struct reel_context *context,
                                  struct reel_error *err)
{
    const struct kind *kind = &kinds[k];
    long number;
    for (int8_t v = 0; v < kind->n; v++) {
        if (is_word(&kind->value[v], word)) {
            context->value[k] = v;
            return REEL_OK;
        }
    }
    if (k == REEL_CONTEXT_HOUR && parse_number(word, 0, 23, &number)) {
        context->value[k] = hour_value(number);
        return REEL_OK;
    }
    for (int d = 0; k == REEL_CONTEXT_DAY && d < 7; d++) {
        if (is_word(&weekdays[d], word)) {
            context->value[k] = weekday_value(d);
            return REEL_OK;
        }
    }
    char known[160];
    list_values(kind, known, sizeof known);
    return fail(err, REEL_EINVAL, "%s is one of %s, not '%.40s'", kind->name.en[0], known,
                word);
}

static enum reel_status set_number(const char *name, const char *word, long high,
                                   int32_t *out, struct reel_error *err)
{
    long number;
    if (!parse_number(word, 1, high, &number)) {
        return fail(err, REEL_EINVAL, "%s is a whole number from 1 to %ld, not '%.40s'",
                    name, high, word);
    }
    *out = (int32_t)number;
    return REEL_OK;
}

static enum reel_status set_language(const char *word, struct reel_context *context,
                                     struct reel_error *err)
{
    static const struct words en = {{"en", "english"}, {"英语", "英文"}};
    static const struct words zh = {{"zh", "chinese"}, {"中文", "汉语", "普通话"}};
    const char *code = is_word(&en, word) ? "en" : is_word(&zh, word) ? "zh" : word;
    const size_t n = strlen(code);
    if (n < 2 || n > 3 || strspn(code, "abcdefghijklmnopqrstuvwxyz") != n) {
        return fail(err, REEL_EINVAL, "language is a code as en or zh, not '%.40s'",
                    word);
    }
    memcpy(context->language, code, n + 1);
    return REEL_OK;
}

static enum reel_status set_pair(const char *name, const char *word,
                                 struct reel_context *context, struct reel_error *err)
{
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        if (is_word(&kinds[k].name, name)) {
            return set_value(k, word, context, err);
        }
    }
    if (is_word(&minutes_name, name)) {
        return set_number("minutes", word, 10000, &context->minutes, err);
    }
    if (is_word(&age_name, name)) {
        return set_number("age", word, 150, &context->age, err);
    }
    if (is_word(&language_name, name)) {
        return set_language(word, context, err);
    }
    return fail(err, REEL_EINVAL,
                "a situation has hour, day, season, device, company, mood, minutes, "
                "language, age, not '%.40s'",
                name);
}

/** Bytes of the separator that `at` begins with, ASCII or full width; 0: none. */
static size_t separator(const char *at, const char *ascii, const char *const *wide)
{
    if (*at && strchr(ascii, *at)) {
        return 1;
    }
    for (; *wide; wide++) {
        if (strncmp(at, *wide, strlen(*wide)) == 0) {
            return strlen(*wide);
        }
    }
    return 0;
}

static const char *const wide_commas[] = {"，", "、", "；", NULL};
static const char *const wide_equals[] = {"＝", "：", NULL};

/** Copy up to the next comma, or also `=`, without blanks around; gives where it stopped. */
static const char *take_word(const char *at, bool ends_at_equals, char *word, size_t room)
{
    size_t n = 0;
    at += strspn(at, " \t");
    while (*at && !separator(at, ",;", wide_commas) &&
           !(ends_at_equals && separator(at, "=:", wide_equals))) {
        if (n + 1 < room) {
            word[n++] = *at;
        }
        at++;
    }
    while (n > 0 && (word[n - 1] == ' ' || word[n - 1] == '\t')) {
        n--;
    }
    word[n] = '\0';
    return at;
}

enum reel_status reel_context_parse(const char *text, struct reel_context *context,
                                    struct reel_error *err)
{
    struct reel_context read = *context;
    char name[64], word[64];
    const char *at = text;
    while (*at) {
        at = take_word(at, true, name, sizeof name);
        const size_t n_equals = separator(at, "=:", wide_equals);
        if (n_equals) {
            at = take_word(at + n_equals, false, word, sizeof word);
            const enum reel_status rc = set_pair(name, word, &read, err);
            if (rc) {
                return rc;
            }
        } else if (*name) {
            return fail(err, REEL_EINVAL, "a situation is NAME=WORD,..., not '%.40s'",
                        name);
        }
        at += separator(at, ",;", wide_commas);
    }
    *context = read;
    return REEL_OK;
}

void reel_context_print(const struct reel_context *context,
                        char text[REEL_CONTEXT_TEXT_BYTES])
{
    size_t n = 0;
    text[0] = '\0';
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        if (context->value[k] >= 0) {
            n += (size_t)snprintf(text + n, REEL_CONTEXT_TEXT_BYTES - n, "%s%s=%s",
                                  n ? "," : "", kinds[k].name.en[0],
                                  kinds[k].value[context->value[k]].en[0]);
        }
    }
    if (context->minutes > 0) {
        n += (size_t)snprintf(text + n, REEL_CONTEXT_TEXT_BYTES - n, "%sminutes=%d",
                              n ? "," : "", context->minutes);
    }
    if (*context->language) {
        n += (size_t)snprintf(text + n, REEL_CONTEXT_TEXT_BYTES - n, "%slanguage=%s",
                              n ? "," : "", context->language);
    }
    if (context->age > 0) {
        (void)snprintf(text + n, REEL_CONTEXT_TEXT_BYTES - n, "%sage=%d", n ? "," : "",
                       context->age);
    }
}

// ---- limits ----

static int32_t stricter(int32_t a, int32_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

void reel_context_limit(const struct reel_context *context, const char *language[1],
                        struct reel_filter *filter)
{
    enum { CHILDREN = 2 }; // among the values of company
    const bool with_children = context->value[REEL_CONTEXT_COMPANY] == CHILDREN;
    const int32_t age =
        context->age || !with_children ? context->age : REEL_CONTEXT_CHILD_AGE;
    filter->age_max = stricter(filter->age_max, age);
    filter->runtime_max_min = stricter(filter->runtime_max_min, context->minutes);
    if (*context->language) {
        language[0] = context->language;
        filter->languages = language;
        filter->n_languages = 1;
    }
}
