/**
 * Names in a person's own text, by rule. English: capitalised words and what stands before
 * and after them, a person of no name ("the old fisherman"), pronouns for gender. Chinese:
 * surnames, nicknames, persons of no name, ends of place names, measure words before
 * things. The rules would rather miss a name than invent one.
 */
#include "plot_premise.h"

#include <string.h>

#define N_OF(list) (sizeof(list) / sizeof *(list))

static bool is_listed(const char *const *list, size_t n_list, const char *word, size_t n)
{
    for (size_t i = 0; i < n_list; i++) {
        if (strlen(list[i]) == n && memcmp(list[i], word, n) == 0) {
            return true;
        }
    }
    return false;
}

int32_t plot_premise_find(const struct premise_draft *d, const char *name, size_t n)
{
    for (int32_t i = 0; i < d->n_found; i++) {
        const struct premise_found *f = &d->found[i];
        if ((strlen(f->name) == n && !memcmp(f->name, name, n)) ||
            (f->alias && strlen(f->alias) == n && !memcmp(f->alias, name, n))) {
            return i;
        }
    }
    return -1;
}

int32_t plot_premise_add(struct premise_draft *d, enum reel_entity_kind kind,
                         enum reel_source source, const char *name, size_t n, size_t at)
{
    const int32_t known = plot_premise_find(d, name, n);
    if (known >= 0) {
        d->found[known].n_seen++;
        return known;
    }
    if (d->n_found == PREMISE_FOUND_MAX) {
        return -1;
    }
    const char *kept = base_arena_strndup(d->arena, name, n);
    if (!kept) {
        d->is_out_of_memory = true;
        return -1;
    }
    d->found[d->n_found] = (struct premise_found){.kind = kind,
                                                  .source = source,
                                                  .name = kept,
                                                  .n_seen = 1,
                                                  .place = -1,
                                                  .first = at};
    return d->n_found++;
}

/* ---- English ---- */

struct word {
    const char *text;
    size_t n;
    bool is_first; /* of a sentence */
    bool is_cut;   /* punctuation stands before it */
};

static bool is_letter(char c)
{
    const unsigned char u = (unsigned char)c;
    return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u >= 0x80;
}

static bool is_capital(const struct word *w)
{
    const unsigned char u = (unsigned char)w->text[0];
    return (u >= 'A' && u <= 'Z') ||
           (u == 0xc3 && w->n > 1 && (unsigned char)w->text[1] < 0x9f);
}

/** The next word after `at`; false at the end. */
static bool next_word(const char **at, struct word *w)
{
    bool is_first = w->text == NULL, is_cut = false;
    while (**at && !is_letter(**at)) {
        is_first |= strchr(".!?\n", **at) != NULL;
        is_cut |= strchr(",;:.!?\n()\"", **at) != NULL;
        (*at)++;
    }
    // "Mr." ends no sentence.
    static const char *const titles[] = {"Mr", "Mrs", "Ms", "Dr", "St"};
    if (w->text && is_listed(titles, N_OF(titles), w->text, w->n)) {
        is_first = is_cut = false;
    }
    if (!**at) {
        return false;
    }
    *w = (struct word){.text = *at, .is_first = is_first, .is_cut = is_cut};
    while (is_letter(**at) || (**at == '-' && is_letter((*at)[1])) ||
           (**at == '\'' && is_letter((*at)[1]) && (*at)[1] != 's')) {
        (*at)++;
    }
    w->n = (size_t)(*at - w->text);
    return true;
}

static const char *const en_common[] = {
    "The",       "A",        "An",       "He",         "She",       "It",
    "They",      "We",       "I",        "You",        "His",       "Her",
    "Their",     "My",       "Our",      "Its",        "This",      "That",
    "These",     "Those",    "When",     "While",      "After",     "Before",
    "Then",      "There",    "Here",     "In",         "On",        "At",
    "By",        "To",       "From",     "With",       "Without",   "But",
    "And",       "Or",       "So",       "If",         "As",        "For",
    "Of",        "Once",     "One",      "Two",        "Three",     "Every",
    "Each",      "All",      "Nobody",   "No",         "Not",       "Now",
    "What",      "Who",      "Why",      "How",        "Where",     "Because",
    "Until",     "Since",    "Years",    "Last",       "Next",      "Under",
    "Over",      "Behind",   "Far",      "Late",       "Early",     "Only",
    "Some",      "Somebody", "Someone",  "Something",  "Nothing",   "Everybody",
    "Everyone",  "Yes",      "Soon",     "Suddenly",   "Tonight",   "Today",
    "Yesterday", "Tomorrow", "Monday",   "Tuesday",    "Wednesday", "Thursday",
    "Friday",    "Saturday", "Sunday",   "January",    "February",  "March",
    "April",     "May",      "June",     "July",       "August",    "September",
    "October",   "November", "December", "Christmas",  "Easter",    "God",
    "English",   "French",   "German",   "American",   "Chinese",   "Another",
    "Both",      "Many",     "Most",     "During",     "Across",    "Inside",
    "Outside",   "Near",     "Long",     "Just",       "Even",      "Still",
    "Perhaps",   "Maybe",    "Dear",     "Meanwhile",  "Later",     "Deep",
    "High",      "Old",      "Young",    "New",        "Somewhere", "Elsewhere",
    "However",   "Instead",  "Upstairs", "Downstairs", "Nearby",    "Afterwards",
    "Again"};

static const char *const en_titles[] = {
    "Mr",        "Mrs",       "Ms",        "Dr",     "Doctor",   "Captain",
    "Professor", "Inspector", "Detective", "Major",  "Colonel",  "General",
    "Sergeant",  "King",      "Queen",     "Prince", "Princess", "Lady",
    "Lord",      "Sir",       "Aunt",      "Uncle",  "Father",   "Sister"};

static const char *const en_place_words[] = {
    "in", "at", "into", "near", "through", "towards", "toward", "outside", "inside"};

static const char *const en_place_ends[] = {
    "Street",  "Road",     "City",   "Castle", "Island", "Hotel",   "Inn",    "Bay",
    "Valley",  "Mountain", "River",  "Lake",   "House",  "Station", "Bridge", "Town",
    "Village", "Harbour",  "Harbor", "Forest", "Park",   "Hill",    "Abbey",  "Point"};

static const char *const en_places[] = {
    "house",      "village",   "town",    "city",    "lighthouse", "station",
    "forest",     "island",    "castle",  "hotel",   "inn",        "school",
    "hospital",   "prison",    "ship",    "farm",    "church",     "theatre",
    "theater",    "factory",   "harbour", "harbor",  "mine",       "desert",
    "palace",     "library",   "market",  "kitchen", "bar",        "café",
    "cafe",       "monastery", "temple",  "beach",   "valley",     "spaceship",
    "laboratory", "museum",    "office",  "garden",  "bakery",     "cave",
    "restaurant", "tower",     "cabin",   "port",    "river",      "mountain",
    "attic"};

static const char *const en_objects[] = {
    "letter", "letters",  "key",        "map",      "ring",       "gun",    "diary",
    "box",    "suitcase", "photograph", "picture",  "book",       "knife",  "watch",
    "coin",   "necklace", "sword",      "painting", "treasure",   "stone",  "notebook",
    "violin", "mask",     "machine",    "money",    "crown",      "lamp",   "compass",
    "medal",  "will",     "film",       "piano",    "manuscript", "mirror", "bottle",
    "chest",  "jewel",    "diamond",    "clock",    "radio"};

static const char *const en_persons[] = {
    "girl",       "boy",    "woman",      "man",      "detective", "soldier", "doctor",
    "king",       "queen",  "prince",     "princess", "teacher",   "thief",   "stranger",
    "captain",    "sailor", "widow",      "student",  "robot",     "ghost",   "fisherman",
    "nurse",      "priest", "painter",    "singer",   "actress",   "actor",   "writer",
    "journalist", "lawyer", "judge",      "farmer",   "baker",     "cook",    "pilot",
    "astronaut",  "spy",    "witch",      "wizard",   "knight",    "dog",     "child",
    "mother",     "father", "sheriff",    "keeper",   "monk",      "mayor",   "landlady",
    "butler",     "driver", "clockmaker", "gardener", "librarian"};

/** A person's verb or "and" after a name at the beginning of a sentence. */
static bool is_verb_like(const struct word *w)
{
    static const char *const verbs[] = {
        "is",   "was",  "has",   "had",  "and", "will", "can", "who", "must", "went",
        "came", "said", "found", "knew", "saw", "took", "ran", "did", "does"};
    return is_listed(verbs, N_OF(verbs), w->text, w->n) ||
           (w->n > 2 && !is_capital(w) &&
            (w->text[w->n - 1] == 's' ||
             (w->text[w->n - 1] == 'd' && w->text[w->n - 2] == 'e')));
}

/** "Ingrid, the keeper": an apposition, when the first word of a sentence is no adverb. */
static bool has_apposition(const struct word *name)
{
    static const char *const articles[] = {"the", "a", "an", "who"};
    const char *at = name->text + name->n;
    struct word w = {0};
    const bool is_adverb = name->n > 3 && !memcmp(name->text + name->n - 2, "ly", 2);
    return !is_adverb && *at == ',' && next_word(&at, &w) &&
           is_listed(articles, N_OF(articles), w.text, w.n);
}

/** "village of Skarv" makes a place of Skarv, "Christmas Eve" nothing of Eve. */
struct left {
    struct word word, of; /* before the name; before "of" */
};
static bool is_of_place(const struct left *left)
{
    return left->word.n == 2 && !memcmp(left->word.text, "of", 2) && left->of.text &&
           is_listed(en_places, N_OF(en_places), left->of.text, left->of.n);
}
static bool is_feast(const struct left *left, const struct word *run, int32_t n_run)
{
    static const char *const feasts[] = {"Christmas", "Easter"};
    static const char *const days[] = {"Eve", "Day"};
    return n_run == 1 && left->word.text && !run[0].is_cut &&
           is_listed(feasts, N_OF(feasts), left->word.text, left->word.n) &&
           is_listed(days, N_OF(days), run[0].text, run[0].n);
}

/** Does the word stand capitalised inside another sentence, or never small? */
static bool is_name_elsewhere(const struct premise_draft *d, const struct word *name)
{
    const char *at = d->text;
    struct word w = {0};
    while (next_word(&at, &w)) {
        if (w.n == name->n && !w.is_first && !memcmp(w.text, name->text, w.n)) {
            return true;
        }
    }
    return false;
}

/** A capitalised run of words becomes a person or a place. */
static void add_name_en(struct premise_draft *d, const struct word *run, int32_t n_run,
                        const struct left *left, const struct word *after)
{
    const struct word *before = &left->word;
    const char *begin = run[0].text;
    const struct word *last = &run[n_run - 1];
    const size_t n = (size_t)(last->text + last->n - begin),
                 at = (size_t)(begin - d->text);
    const bool has_title = is_listed(en_titles, N_OF(en_titles), run[0].text, run[0].n);
    const bool is_place =
        !has_title &&
        (is_listed(en_place_ends, N_OF(en_place_ends), last->text, last->n) ||
         (before->text && !run[0].is_cut &&
          (is_of_place(left) ||
           is_listed(en_place_words, N_OF(en_place_words), before->text, before->n))));
    if (is_feast(left, run, n_run)) {
        return;
    }
    if (run[0].is_first && n_run == 1 && !is_verb_like(after) &&
        !has_apposition(&run[0]) && !is_name_elsewhere(d, &run[0]) &&
        plot_premise_find(d, begin, n) < 0) {
        return;
    }
    const int32_t i =
        plot_premise_add(d, is_place ? REEL_ENTITY_PLACE : REEL_ENTITY_PERSON,
                         REEL_SOURCE_RULE, begin, n, at);
    if (i >= 0 && n_run > 1 && d->found[i].kind == REEL_ENTITY_PERSON &&
        !d->found[i].alias) {
        const struct word *alias = has_title ? last : &run[0];
        d->found[i].alias = base_arena_strndup(d->arena, alias->text, alias->n);
        d->is_out_of_memory |= !d->found[i].alias;
    }
}

/** "the old fisherman", "a locked box", "in the lighthouse": after an article, one or two
 *  small words, the last of which is listed. */
static int32_t add_common_en(struct premise_draft *d, const struct word *article,
                             const char *at)
{
    static const struct {
        const char *const *list;
        size_t n;
        enum reel_entity_kind kind;
    } kinds[] = {{en_persons, N_OF(en_persons), REEL_ENTITY_PERSON},
                 {en_places, N_OF(en_places), REEL_ENTITY_PLACE},
                 {en_objects, N_OF(en_objects), REEL_ENTITY_OBJECT}};
    struct word w = *article;
    for (int i = 0; i < 3 && next_word(&at, &w) && !w.is_cut && !is_capital(&w); i++) {
        for (size_t k = 0; k < N_OF(kinds); k++) {
            if (is_listed(kinds[k].list, kinds[k].n, w.text, w.n)) {
                char name[80];
                const int n = snprintf(name, sizeof name, "the %.*s", (int)w.n, w.text);
                return n > 0 && (size_t)n < sizeof name
                           ? plot_premise_add(d, kinds[k].kind, REEL_SOURCE_RULE, name,
                                              (size_t)n,
                                              (size_t)(article->text - d->text))
                           : -1;
            }
        }
    }
    return -1;
}

static void add_pronoun_en(struct premise_draft *d, const struct word *w, int32_t person)
{
    static const char *const m[] = {"he", "He", "him", "his", "His", "himself"};
    static const char *const f[] = {"she", "She", "her", "Her", "hers", "herself"};
    if (person >= 0) {
        d->found[person].n_m += is_listed(m, N_OF(m), w->text, w->n);
        d->found[person].n_f += is_listed(f, N_OF(f), w->text, w->n);
    }
}

static bool may_be_name(const struct word *w)
{
    return is_capital(w) && !is_listed(en_common, N_OF(en_common), w->text, w->n);
}

/** A word of the run belongs to it when no punctuation stands between. */
static int32_t read_run(const char **at, struct word *w, struct word *run, bool *has_next)
{
    enum { RUN_MAX = 4 };
    int32_t n = 0;
    do {
        run[n++] = *w;
        *has_next = next_word(at, w);
    } while (*has_next && n < RUN_MAX && may_be_name(w) && !w->is_cut && !w->is_first);
    return n;
}

void plot_premise_rules_en(struct premise_draft *d)
{
    static const char *const articles[] = {"the", "The", "a", "A", "an", "An"};
    static const struct word nothing = {.text = "", .n = 0};
    const char *at = d->text;
    struct word w = {0}, run[4];
    struct left left = {0};
    int32_t person = -1;
    bool has_word = next_word(&at, &w);
    while (has_word) {
        int32_t found = -1;
        const struct word here = w;
        if (may_be_name(&w)) {
            const int32_t n = read_run(&at, &w, run, &has_word);
            add_name_en(d, run, n, &left, has_word && !w.is_cut ? &w : &nothing);
            const struct word *last = &run[n - 1];
            found = plot_premise_find(d, run[0].text,
                                      (size_t)(last->text + last->n - run[0].text));
            left = (struct left){.word = *last};
        } else {
            if (is_listed(articles, N_OF(articles), w.text, w.n)) {
                found = add_common_en(d, &here, at);
            }
            add_pronoun_en(d, &w, person);
            left = (struct left){.word = w, .of = left.word};
            has_word = next_word(&at, &w);
        }
        if (found >= 0 && d->found[found].kind == REEL_ENTITY_PERSON) {
            person = found;
        } else if (found >= 0 && d->found[found].kind == REEL_ENTITY_PLACE &&
                   person >= 0 && d->found[person].place < 0) {
            d->found[person].place = found;
        }
    }
}

/* ---- Chinese ---- */

/** Bytes of the character at `text`, 0 at the end. */
static size_t char_bytes(const char *text)
{
    const unsigned char c = (unsigned char)text[0];
    const size_t n = c == 0 ? 0 : c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++) {
        if (!text[i]) {
            return i;
        }
    }
    return n;
}

/** A Chinese character, no punctuation. */
static bool is_han(const char *text)
{
    const unsigned char c = (unsigned char)text[0];
    return c >= 0xe4 && c <= 0xe9 && char_bytes(text) == 3;
}

static bool has_char(const char *list, const char *text)
{
    for (const char *at = list; *at; at += char_bytes(at)) {
        if (char_bytes(at) == char_bytes(text) && !memcmp(at, text, char_bytes(at))) {
            return true;
        }
    }
    return false;
}

static const char zh_surnames[] =
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜谢邹苏潘葛范彭鲁韦马苗"
    "方袁柳唐罗薛雷贺倪汤殷毕郝安常于傅齐康伍余顾孟黄穆萧尹姚邵汪毛狄米戴宋庞熊纪舒项董"
    "梁杜阮蓝闵席季贾江童颜郭梅林钟徐邱骆高夏蔡田樊胡凌霍万柯卢莫房解丁邓洪包左石崔龚程"
    "裴陆荣翁焦侯段叶白蒲鄂卓池乔温庄晏柴阎容古易廖耿匡文欧聂冷辛曾关岳游商佟沙宁岑司";
/** Ends a name: what follows it in a sentence. */
static const char zh_after[] =
    "是在说把被向对给从走去来回站坐看听想要的，。、和与跟却也又就便已正刚终独只没不带拿抱"
    "打推"
    "发遇见找得告救爱恨等笑哭喊问答开拉抓捡为将曾一二三两多住！？：；”";
/** Words that begin like a surname and are none. */
static const char *const zh_no_names[] = {
    "高兴", "高大", "高高", "黄昏", "黄色", "金色", "白天", "白色", "方向", "方面",
    "安静", "安全", "任何", "马上", "江湖", "石头", "万一", "常常", "于是", "何时",
    "何处", "周围", "周末", "文字", "文章", "关于", "关系", "关门", "解开", "解释",
    "包围", "包裹", "古老", "容易", "温暖", "曾经", "程度", "左右", "左边", "田野",
    "林中", "林子", "雷声", "易怒", "白发", "黄河", "黄金", "金子", "王国", "王子",
    "王后", "公主", "许多", "许久", "华丽", "严重", "严肃", "康复", "余下", "项链",
    "席间", "梅花", "荣誉", "游泳", "商人", "商店", "宁静", "冷静", "冷漠", "房间",
    "房子", "房门", "米饭", "齐声", "常年", "孔雀", "毕竟", "陶瓷", "江边", "江水",
    "江上", "沙漠", "沙滩", "司机", "司令", "古代", "古城", "古镇", "万物", "石阶",
    "石桥", "梁上", "叶子", "白雪", "方才", "于此", "何人", "应许", "华人"};

static const char *const zh_persons[] = {
    "女孩", "男孩", "老人", "少年",   "少女",   "姑娘", "侦探", "医生", "将军",
    "士兵", "国王", "老师", "陌生人", "渔夫",   "寡妇", "书生", "掌柜", "记者",
    "律师", "警察", "法官", "画家",   "歌手",   "演员", "作家", "学生", "机器人",
    "公主", "王子", "剑客", "和尚",   "道士",   "船长", "水手", "护士", "厨师",
    "农夫", "小偷", "司机", "钟表匠", "守塔人", "商人", "母亲", "父亲"};
static const char *const zh_objects[] = {
    "信",   "钥匙", "照片", "地图", "日记", "戒指",  "剑",   "刀",     "画",
    "箱子", "盒子", "枪",   "项链", "怀表", "硬币",  "书",   "笔记本", "面具",
    "机器", "钱",   "遗嘱", "宝石", "镜子", "灯",    "罗盘", "琴",     "小提琴",
    "手稿", "玉佩", "卷轴", "令牌", "钻石", "行李箱"};
static const char *const zh_place_nouns[] = {
    "灯塔",   "村庄", "小镇", "车站", "森林", "城堡", "客栈", "学校",   "医院",
    "监狱",   "农场", "教堂", "戏院", "工厂", "港口", "码头", "沙漠",   "皇宫",
    "图书馆", "集市", "酒馆", "寺庙", "海滩", "山谷", "飞船", "实验室", "博物馆",
    "花园",   "餐馆", "小岛", "茶馆", "书店", "老宅"};

static int32_t count_in(const char *text, const char *part, size_t n)
{
    int32_t seen = 0;
    for (const char *at = text; *at; at += char_bytes(at)) {
        seen += strncmp(at, part, n) == 0;
    }
    return seen;
}

/** Is a surname and one or two characters a name here? Gives its bytes, 0 no. */
static size_t name_zh(const struct premise_draft *d, const char *at, bool is_begun)
{
    if (!has_char(zh_surnames, at) || !is_han(at + 3) ||
        is_listed(zh_no_names, N_OF(zh_no_names), at, 6)) {
        return 0;
    }
    const bool is_two_ended = has_char(zh_after, at + 6) || !at[6];
    const bool has_three = is_han(at + 6);
    const bool is_three_ended = has_three && (has_char(zh_after, at + 9) || !at[9]);
    const int32_t n_two = count_in(d->text, at, 6);
    const int32_t n_three = has_three ? count_in(d->text, at, 9) : 0;
    if (has_char(zh_after, at + 3)) {
        return 0; // a surname and a verb: no given name begins so
    }
    if (has_three && !is_two_ended && (n_three > 1 || (is_begun && is_three_ended))) {
        return 9;
    }
    if (is_two_ended && (n_two > 1 || is_begun)) {
        return 6;
    }
    return 0;
}

/** 小明, 老王, 阿珍: a nickname that is said twice or begins a clause before a verb. */
static size_t nickname_zh(const struct premise_draft *d, const char *at, bool is_begun)
{
    static const char *const no_names[] = {
        "小心", "小时", "小说", "小镇", "小岛", "小偷", "小孩", "小店", "老人",
        "老师", "老板", "老宅", "老家", "小路", "小屋", "小声", "小船", "老旧"};
    if (!has_char("小老阿", at) || !is_han(at + 3) || has_char(zh_after, at + 3) ||
        is_listed(no_names, N_OF(no_names), at, 6)) {
        return 0;
    }
    const bool is_ended = has_char(zh_after, at + 6) || !at[6];
    const bool is_surname = has_char("小老", at) && has_char(zh_surnames, at + 3);
    return is_ended && (is_surname || has_char("阿", at)) &&
                   (is_begun || count_in(d->text, at, 6) > 1)
               ? 6
               : 0;
}

static size_t listed_zh(const char *const *list, size_t n, const char *at)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t length = strlen(list[i]);
        if (length > best && strncmp(at, list[i], length) == 0) {
            best = length;
        }
    }
    return best;
}

/** After 在, 到, 去 and their like: up to five characters that end as places end. */
static size_t place_zh(const char *at)
{
    static const char ends[] = "城镇村山河湖岛店馆院楼站寺庙港街路桥谷宫县州";
    static const char stops[] = "的了在到去是有着和与说把被他她它我你们这那里";
    size_t n = 0, best = 0;
    for (int i = 0; i < 5 && is_han(at + n) && !has_char(stops, at + n); i++) {
        const bool is_end = has_char(ends, at + n);
        n += 3;
        if (is_end && i > 0) {
            best = n;
        }
    }
    const size_t noun = listed_zh(zh_place_nouns, N_OF(zh_place_nouns), at);
    return best > noun ? best : noun;
}

/** 一封信, 那把旧钥匙: after a measure word, at most three characters before the thing. */
static size_t object_zh(const char *at, const char **begin)
{
    if (!has_char("一那这两几", at) ||
        !has_char("封把张本枚块只幅口颗件支盏面个", at + 3)) {
        return 0;
    }
    const char *here = at + 6;
    for (int i = 0; i < 4 && (is_han(here) || i == 0); i++, here += 3) {
        const size_t n = listed_zh(zh_objects, N_OF(zh_objects), here);
        if (n > 0) {
            *begin = here;
            return n;
        }
        if (!is_han(here)) {
            break;
        }
    }
    return 0;
}

static void add_zh(struct premise_draft *d, enum reel_entity_kind kind, const char *at,
                   size_t n, int32_t *person)
{
    const int32_t i =
        plot_premise_add(d, kind, REEL_SOURCE_RULE, at, n, (size_t)(at - d->text));
    if (i >= 0 && d->found[i].kind == REEL_ENTITY_PERSON) {
        *person = i;
    } else if (i >= 0 && d->found[i].kind == REEL_ENTITY_PLACE && *person >= 0 &&
               d->found[*person].place < 0) {
        d->found[*person].place = i;
    }
}

/** What stands at `at`, taken; gives the bytes to go on by. */
static size_t step_zh(struct premise_draft *d, const char *at, bool is_begun,
                      bool is_placed, int32_t *person)
{
    const char *begin = at;
    size_t n = is_placed ? place_zh(at) : 0;
    if (n > 0) {
        add_zh(d, REEL_ENTITY_PLACE, at, n, person);
        return n;
    }
    const char *end = strncmp(at, "《", 3) == 0 ? strstr(at, "》") : NULL;
    if (end && end - at <= 60) {
        add_zh(d, REEL_ENTITY_OBJECT, at, (size_t)(end - at) + 3, person);
        return (size_t)(end - at) + 3;
    }
    n = listed_zh(zh_persons, N_OF(zh_persons), at);
    n = n ? n : name_zh(d, at, is_begun);
    n = n ? n : nickname_zh(d, at, is_begun);
    if (n == 0 && is_han(at)) { // a name that was found before, wherever it stands
        for (int32_t i = 0; i < d->n_found; i++) {
            const size_t length = strlen(d->found[i].name);
            if (length > n && strncmp(at, d->found[i].name, length) == 0) {
                n = length;
            }
        }
    }
    if (n > 0) {
        add_zh(d, REEL_ENTITY_PERSON, at, n, person);
        return n;
    }
    n = object_zh(at, &begin);
    if (n > 0) {
        add_zh(d, REEL_ENTITY_OBJECT, begin, n, person);
        return (size_t)(begin - at) + n;
    }
    return char_bytes(at);
}

void plot_premise_rules_zh(struct premise_draft *d)
{
    static const char before[] =
        "，。！？：；“”、—\n和与跟对向把被给让叫为见找是的名妹姐哥弟友夫儿妻";
    int32_t person = -1;
    bool is_begun = true, is_placed = false;
    for (const char *at = d->text; *at;) {
        if (person >= 0) {
            d->found[person].n_m += has_char("他", at);
            d->found[person].n_f += has_char("她", at);
        }
        const size_t n = step_zh(d, at, is_begun, is_placed, &person);
        const char *last = at + n;
        while (last > at + 1 && ((unsigned char)last[-1] & 0xc0) == 0x80) {
            last--;
        }
        last -= last > at;
        is_placed = n <= 4 && has_char("在到去回往从进于着", last);
        is_begun = has_char(before, last) || !is_han(last);
        at += n;
    }
}
