#include "catalog_told.h"

#define BABEL "douban:1498818 \"通天塔\" (2006) douban=1498818"
#define MOOD "douban:1291557 \"花样年华\" (2000) douban=1291557"
#define STALKER "douban:1297166 \"潜行者\" (1979) douban=1297166"
#define YIYI "douban:1292434 \"一一\" (2000) douban=1292434"
#define PORCO "douban:1292286 \"红猪\" (1992) douban=1292286"
#define HERO "douban:1306123 \"英雄\" (2002) douban=1306123"
#define SCRIPT "refused " FORKREEL_TEST_DATA "/catalog/douban/script.csv:"

static void table_of_a_script_gives_titles_by_region(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "douban", "ann", "douban/script.csv");
    told_expect(&told,
                "film " BABEL " [zh 通天塔] [en Babel] [zh-HK 巴别塔] [zh-TW 火线交错] "
                "countries=法国,美国\n"
                "watch ann " BABEL " @1172707200\n"
                "rate ann " BABEL " 4 @1172707200\n"
                "review ann " BABEL " @1172707200 text=四个故事,\n一声枪响\n"
                "film " MOOD
                " [zh 花样年华] [zh-HK 花樣年華] [zh-TW 花樣年華] [en In the Mood "
                "for Love] countries=中国香港\n"
                "watch ann " MOOD " @1172793600\n"
                "film " STALKER " [zh 潜行者] [? Сталкер] countries=苏联\n"
                "wish ann " STALKER " @1683331200\n" SCRIPT
                "6 个人评分: rating out of range, 7\n" SCRIPT
                "7 打分日期: not a date, 2023-02-30\n" SCRIPT
                "8 条目链接: https://example.org/\n" SCRIPT "9 状态: 扔了\n" SCRIPT
                "10 条目链接: not a film\n");
}

static void table_of_doufen_takes_its_summary_apart(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "douban", "ann", "douban/doufen.csv");
    told_expect(&told, "film " YIYI
                       " mean=9.1 [zh 一一] genres=剧情,家庭 countries=中国台湾,日本 "
                       "director=杨德昌 actor=吴念真 actor=金燕玲\n"
                       "watch ann " YIYI " @1588366991\n"
                       "rate ann " YIYI " 5 @1588366991\n"
                       "review ann " YIYI " @1588366991 text=我们看到的都是前面\n"
                       "tag ann " YIYI " @1588366991 text=台湾\n"
                       "tag ann " YIYI " @1588366991 text=家庭\n"
                       "film " PORCO " mean=9 [zh 红猪]\n"
                       "watch ann " PORCO " @1588377600\n"
                       "tag ann " PORCO " @1588377600 text=动画\n"
                       "tag ann " PORCO " @1588377600 text=飞行\n");
}

static void fields_may_stand_between_bars(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "douban", "ann", "douban/bars.csv");
    told_expect(&told, "film " HERO " mean=7.6 [zh 英雄] genres=动作 countries=中国大陆 "
                       "director=张艺谋 actor=李连杰\n"
                       "watch ann " HERO " @1546300800\n"
                       "rate ann " HERO " 3 @1546300800\n");
}

static void english_names_and_words_of_rating_are_known(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "douban", "ann", "douban/english.csv");
    told_expect(&told,
                "film douban:1291546 \"霸王别姬\" douban=1291546 [zh 霸王别姬]\n"
                "watch ann douban:1291546 \"霸王别姬\" douban=1291546 @1638230400\n"
                "rate ann douban:1291546 \"霸王别姬\" douban=1291546 5 @1638230400\n"
                "review ann douban:1291546 \"霸王别姬\" douban=1291546 @1638230400 "
                "text=🎭\n"
                "film douban:1292659 \"Face\" douban=1292659 [en Face]\n"
                "wish ann douban:1292659 \"Face\" douban=1292659 @1638316800\n"
                "rate ann douban:1292659 \"Face\" douban=1292659 5 @1638316800\n");
}

static void name_of_the_file_tells_a_wish_list(void **state)
{
    (void)state;
    expect_told("douban", "想看.csv", "标题,创建时间\n英雄,2019-01-01\n",
                "film \"英雄\" [zh 英雄]\nwish ann \"英雄\" @1546300800\n");
}

static void titles_keep_brackets_that_are_no_region(void **state)
{
    (void)state;
    expect_told(
        "douban", "a.csv",
        "标题\n功夫（上）（台湾）/Kung Fu (Part 1)/某(译名)/功夫(内地)/ / Amélie\n",
        "film \"功夫（上）（台湾）\" [zh-TW 功夫（上）] [en Kung Fu (Part 1)] "
        "[zh-CN 功夫] [? Amélie]\n"
        "watch ann \"功夫（上）（台湾）\"\n");
}

static void broken_files_end_with_one_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\xb1\xea\xcc\xe2,\xc1\xb4\xbd\xd3\n",
         "failed: a.csv:1: not UTF-8 (byte 0xB1); perhaps iconv -f GB18030 helps\n"},
        {"书名,作者\n",
         "failed: a.csv:1: no column 标题 or title, so no table of films from "
         "Douban\n"},
        {"标题,评论\n英雄,\"没完\n", "failed: a.csv:2: a quote that is never closed\n"},
        {"标题,链接\n,\n", "refused a.csv:2 标题: neither title nor address\n"},
        {"标题,链接\n英雄,https://movie.douban.com/subject/12x/\n",
         "refused a.csv:2 链接: https://movie.douban.com/subject/12x/\n"},
        {"标题,创建时间\n英雄,1601-01-01\n",
         "refused a.csv:2 创建时间: date before 1870, 1601-01-01\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("douban", "a.csv", cases[i][0], cases[i][1]);
    }
}

static void workbook_is_told_to_be_saved_as_csv(void **state)
{
    (void)state;
    const struct catalog_memory member[] = {{"xl/workbook.xml", "x", 1},
                                            {"b.xml", "x", 1}};
    struct told told;
    told_init(&told);
    told_read_members(&told, "douban", "ann", member, 2);
    assert_int_equal(told.rc, REEL_EFORMAT);
    assert_non_null(strstr(told.err.text, "saved as CSV UTF-8"));
    base_buffer_release(&told.text);
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char text[] =
        "标题,制片国家,导演\n通天塔/Babel/巴别塔(港)/a/b/c/d,x/y,z\n";
    const struct catalog_memory member = {"a.csv", text, sizeof text - 1};
    told_torture("douban", "ann", &member, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_a_script_gives_titles_by_region),
        cmocka_unit_test(table_of_doufen_takes_its_summary_apart),
        cmocka_unit_test(fields_may_stand_between_bars),
        cmocka_unit_test(english_names_and_words_of_rating_are_known),
        cmocka_unit_test(name_of_the_file_tells_a_wish_list),
        cmocka_unit_test(titles_keep_brackets_that_are_no_region),
        cmocka_unit_test(broken_files_end_with_one_line),
        cmocka_unit_test(workbook_is_told_to_be_saved_as_csv),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
