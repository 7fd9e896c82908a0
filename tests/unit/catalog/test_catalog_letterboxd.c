/** The export of Letterboxd, as folder, zip and single files. */
#include "catalog_told.h"

#define HARBOUR " letterboxd:https://boxd.it/aaa \"The Harbour\" (1995)"
#define EXPORT(folder)                                                              \
    "watch ann" HARBOUR " @1672617600\n"                                            \
    "watch ann letterboxd:https://boxd.it/bbb \"Hello, Goodbye\" @1672704000\n"     \
    "wish ann letterboxd:https://boxd.it/ddd \"千里之外\" (2020) @1675209600\n" \
    "like ann" HARBOUR " @1672617600\n"                                             \
    "rate ann" HARBOUR " 4.5 @1672617600\n"                                         \
    "refused " folder "ratings.csv:3 no rating: Unrated\n"                          \
    "watch ann \"The Harbour\" (1995) @1672531200\n"                                \
    "rate ann \"The Harbour\" (1995) 4.5 @1672531200\n"                             \
    "tag ann \"The Harbour\" (1995) @1672531200 text=cinema\n"                      \
    "tag ann \"The Harbour\" (1995) @1672531200 text=rain\n"                        \
    "review ann \"The Harbour\" (1995) @1672531200 text=Fog.\n\nThe \"best\" fog "  \
    "🌫️.\n"                                                                    \
    "rate ann \"The Harbour\" (1995) 4.5 @1672531200\n"

static void folder_and_zip_tell_the_same(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "letterboxd", "ann", "letterboxd");
    told_expect(&told, EXPORT(FORKREEL_TEST_DATA "/catalog/letterboxd/"));
    told_read_path(&told, "letterboxd", "ann", "archives/letterboxd.zip");
    told_expect(&told, EXPORT(""));
}

static void single_files_are_known_by_name_or_columns(void **state)
{
    (void)state;
    expect_told("letterboxd", "watchlist.csv",
                "Date,Name,Year,Letterboxd URI\n2023-02-01,Fog,2020,u\n",
                "wish ann letterboxd:u \"Fog\" (2020) @1675209600\n");
    expect_told("letterboxd", "export.csv",
                "Date,Name,Year,Letterboxd URI,Rating\n2023-02-01,Fog,2020,u,0.5\n",
                "rate ann letterboxd:u \"Fog\" (2020) 0.5 @1675209600\n");
    expect_told("letterboxd", "films.csv",
                "Date,Name,Year,Letterboxd URI\n2023-02-01,Fog,2020,u\n",
                "like ann letterboxd:u \"Fog\" (2020) @1675209600\n");
    expect_told("letterboxd", "export.csv", "Title,Date\nFog,1/1/20\n",
                "failed: export.csv:1: no columns Name and Year: not from Letterboxd\n");
}

static void broken_rows_are_refused(void **state)
{
    (void)state;
    expect_told("letterboxd", "ratings.csv",
                "Date,Name,Year,Letterboxd URI,Rating\n"
                "2023-02-01,Fog,20x0,u,3\n"
                "1601-01-01,Fog,2020,u,3\n"
                "2023-02-01,,2020,u,3\n"
                "2023-02-01,Fog,2020,u,6\n",
                "refused ratings.csv:2 not a year: Fog\n"
                "refused ratings.csv:3 date before 1870: Fog\n"
                "refused ratings.csv:4 no name: \n"
                "refused ratings.csv:5 rating out of range: Fog\n");
}

static void export_needs_a_viewer(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read(&told, "letterboxd", NULL, "watched.csv", "Date,Name,Year\n");
    assert_int_equal(told.rc, REEL_EINVAL);
    base_buffer_release(&told.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_and_zip_tell_the_same),
        cmocka_unit_test(single_files_are_known_by_name_or_columns),
        cmocka_unit_test(broken_rows_are_refused),
        cmocka_unit_test(export_needs_a_viewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
