/** RecBole's atomic files. */
#include "catalog_told.h"

#define DATA FORKREEL_TEST_DATA "/catalog/recbole/"

static void folder_gives_films_traits_ratings_and_facts(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "recbole", NULL, "recbole");
    told_expect(&told, "film tiny:242 \"The Kettle\" (1997) [? La Bouilloire] "
                       "genres=Comedy,Children's\n"
                       "film tiny:1 \"Land of \"Quotes\"\" (1995)\n"
                       "film tiny:242 <freebase m.0abc>\n"
                       "trait 196 age=49\n"
                       "trait 196 gender=M\n"
                       "trait 22 gender=F\n"
                       "rate 196 tiny:242 3 @881250949\n"
                       "rate 22 tiny:1 4.5 @881250950\n"
                       "refused " DATA "tiny.inter:4 rating out of range, \"0\"\n"
                       "triple m.0abc film.director.film m.0xyz\n"
                       "refused " DATA "tiny.kg:3 2 columns where the header has 3\n");
}

static void interactions_alone_are_enough(void **state)
{
    (void)state;
    expect_told("recbole", "ml-100k.inter",
                "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
                "196\t242\t3\t881250949\n",
                "rate 196 ml-100k:242 3 @881250949\n");
}

static void name_of_the_file_is_the_id_space_if_it_can_be(void **state)
{
    (void)state;
    static const char text[] = "user_id:token\titem_id:token\n196\t242\n";
    expect_told("recbole", "a/b.c.inter", text, "watch 196 b.c:242\n");
    expect_told("recbole", ".inter", text, "watch 196 recbole:242\n");
    expect_told("recbole", "\xff.inter", text, "watch 196 recbole:242\n");
}

static void interactions_without_ratings_are_watches(void **state)
{
    (void)state;
    expect_told("recbole", "clicks.inter", "item_id:token\tuser_id:token\n5\tu\n",
                "watch u clicks:5\n");
}

static void wrong_files_are_told(void **state)
{
    (void)state;
    expect_told("recbole", "a.inter", "user:token\titem:token\n1\t2\n",
                "failed: a.inter:1: no columns user_id and item_id\n");
    expect_told("recbole", "a.csv", "a,b\n",
                "failed: a.csv: no .inter, .item, .user, .link "
                "or .kg in it\n");
    expect_told("recbole", "a.kg", "head_id:token\trelation_id:token\n1\t2\n",
                "failed: a.kg:1: no columns head_id, relation_id and tail_id\n");
    expect_told("recbole", "a.inter", "", "failed: a.inter: empty\n");
}

static void lost_memory_is_reported(void **state)
{
    (void)state;
    static const char items[] = "item_id:token\tmovie_title:token_seq\tclass:token_seq\n"
                                "1\tFog, The (Nebel)\tA B C D E\n";
    const struct catalog_memory member = {"t.item", items, sizeof items - 1};
    told_torture("recbole", NULL, &member, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_gives_films_traits_ratings_and_facts),
        cmocka_unit_test(interactions_alone_are_enough),
        cmocka_unit_test(name_of_the_file_is_the_id_space_if_it_can_be),
        cmocka_unit_test(interactions_without_ratings_are_watches),
        cmocka_unit_test(wrong_files_are_told),
        cmocka_unit_test(lost_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
