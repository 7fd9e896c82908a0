#include "base_alloc.h"
#include "base_buffer.h"
#include "feat_han.h"
#include "feat_icu.h"

#include "unit.h"

#include <forkreel/text.h>

#include <stdio.h>
#include <stdlib.h>

// ---------------------------------------------------------------- running steps

static enum reel_status gather(const char *bytes, size_t n, void *payload,
                               struct reel_error *err)
{
    (void)err;
    return base_buffer_add(payload, bytes, n) ? REEL_OK : REEL_ENOMEM;
}

/** `names` with commas between. */
static struct reel_text_pipe *open_steps(const char *names,
                                         const struct reel_text_options *opt,
                                         struct base_buffer *out)
{
    char copy[200];
    const char *step[16];
    int32_t n = 0;
    struct reel_error err = {0};
    struct reel_text_pipe *pipe;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *p = copy; p; n++) {
        step[n] = p;
        p = strchr(p, ',');
        if (p) {
            *p++ = 0;
        }
    }
    base_buffer_init(out, (size_t)1 << 30);
    assert_ok(reel_text_pipe_open(step, n, opt, gather, out, &pipe, &err), err);
    return pipe;
}

static void run_bytes(const char *names, const char *in, size_t n, size_t n_piece,
                      struct base_buffer *out)
{
    struct reel_error err = {0};
    struct reel_text_pipe *pipe = open_steps(names, NULL, out);
    for (size_t i = 0; i < n; i += n_piece) {
        assert_ok(
            reel_text_pipe_push(pipe, in + i, n - i < n_piece ? n - i : n_piece, &err),
            err);
    }
    assert_ok(reel_text_pipe_end(pipe, &err), err);
    reel_text_pipe_close(pipe);
}

static void check_step(const char *names, const char *in, const char *wanted)
{
    struct base_buffer out;
    run_bytes(names, in, strlen(in), strlen(in) + 1, &out);
    assert_string_equal(base_buffer_text(&out), wanted);
    base_buffer_release(&out);
}

// ---------------------------------------------------------------- extract

static void extract_reads_html(void **state)
{
    (void)state;
    check_step("extract", "<p>The <b>hei</b>st</p><p>two", "The heist\ntwo");
    check_step("extract", "a<br/>b<BR>c<hr>", "a\nb\nc\n");
    check_step("extract", "x<script>if (a < b) { \"<p>\" }</script>y", "x y");
    check_step("extract", "<style>p { color: red }\n</style>y", "y");
    check_step("extract", "<nav><nav>in</nav>still</nav>out", "out");
    check_step("extract", "a<!-- <p> -- \n -->b", "ab");
    check_step("extract", "<a href=\"x>y\"\ntitle='>'>text</a>", "text");
    check_step("extract", "<!DOCTYPE html>x<?php y ?>z", "xz");
    check_step("extract", "caf&eacute; &amp;lt; &#128512;&#x41; &nosuch; &",
               "café &lt; 😀A &nosuch; &");
    check_step("extract", "&#0; &#xd800; &#10;", "&#0; \xef\xbf\xbd  ");
}

static void extract_leaves_signs_that_begin_no_tag(void **state)
{
    (void)state;
    check_step("extract", "a < b and 1 <2", "a < b and 1 <2");
    check_step("extract", "x <y and no end\nnext", "x <y and no end\nnext");
    check_step("extract", "a <custom> b", "a  b");
    check_step("extract", "</", "</");
    check_step("extract", "<", "<");
}

static void extract_reads_markdown(void **state)
{
    (void)state;
    check_step("extract", "## Head\n> quote\n- item\n* star\n1999. year\n",
               "Head\nquote\nitem\nstar\n1999. year\n");
    check_step("extract", "**bold** *em* __x__ _y_ snake_case 5 * 3 ~~z~~ `code`",
               "bold em x y snake_case 5 * 3 z code");
    check_step("extract", "[text](https://a.b/c) ![pic](x.png) [12] [b]x[/b] [open",
               "text pic  x [open");
    check_step("extract", "```c\ncode\n```\n", "\ncode\n\n");
    check_step("extract", "a \\*b\\* \\x", "a *b* \\x");
    check_step("extract", ">!he dies!< yes", "he dies yes");
}

static void extract_marks_what_posts_hold(void **state)
{
    (void)state;
    check_step("extract", "see https://t.co/abc.", "see @url .");
    check_step("extract", "see www.imdb.com/title, pic.twitter.com/x and/or",
               "see @url , @url  and/or");
    check_step("extract", "mail me.too@host.org now", "mail @url  now");
    check_step("extract", "RT @bob: hi @张三 你好", "@someone : hi @someone  你好");
    check_step("extract", "#BestFilmEver #卧虎藏龙# #1", "Best Film Ever  卧虎藏龙  #1");
    check_step("extract", "great:) bad :-( 10:3 I <3 it",
               "great 🙂  bad 🙁  10:3 I ❤  it");
    check_step("extract", "a👩🏽‍🚀b❤️c", "a 👩 b ❤ c");
}

// ---------------------------------------------------------------- the other steps

static void clean_takes_noise_off(void **state)
{
    (void)state;
    check_step("clean", "  a\tb\xc2\xa0 c \n", "a b c\n");
    check_step("clean",
               "a\x01\x1b[31mb\xe2\x80\x8b\xe2\x80\xae"
               "c\xef\xbb\xbf",
               "a[31mbc");
    check_step("clean", "no!!!! well.... ,, 。。。", "no! well... , 。");
    check_step("clean", "Sooooo Rocky III 哈哈哈哈哈 1000000",
               "So Rocky III 哈哈 1000000");
    check_step("clean", "!!!\n-----\nx\n", "\n\nx\n");
}

static void clean_takes_boilerplate_off(void **state)
{
    (void)state;
    check_step("clean", "Was this review helpful? Sign in to vote.\nx\n", "\nx\n");
    check_step("clean", "12 of 15 people found this review helpful\n12 of us\n",
               "\n12 of us\n");
    check_step("clean",
               "展开全文\n版权所有 2024\n展开全文之后的很长很长的一句话不是套话\n",
               "\n\n展开全文之后的很长很长的一句话不是套话\n");
    check_step("clean", "Read more", "");
}

static void language_stands_before_each_line(void **state)
{
    (void)state;
    check_step("language", "The end of it\n\n电影很好看\n42\n",
               "en\tThe end of it\n\nzh\t电影很好看\nund\t42\n");
    check_step("language,language", "The end of it", "en\tThe end of it");
}

static void normalize_gives_one_form(void **state)
{
    (void)state;
    check_step("normalize", "Ｆｕｌｌ　ｗｉｄｔｈ！", "Full width!");
    check_step("normalize", "“a” ‘b’ 「c」 x—y", "\"a\" 'b' \"c\" x-y");
    check_step("normalize", "cafe\xcc\x81 e\xcc\x81\xcc\xa7 ﬁne …", "café ȩ́ fine ...");
    check_step("normalize", "ﾊﾟﾘ \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "パリ 한");
    check_step("normalize", "\xcc\x81x 𝐀𝐁", "\xcc\x81x AB");
    check_step("normalize", "卧虎藏龙", "卧虎藏龙");
}

static void simplify_leaves_one_chinese(void **state)
{
    (void)state;
    check_step("simplify", "臥虎藏龍 abc 卧虎藏龙 é 👍", "卧虎藏龙 abc 卧虎藏龙 é 👍");
}

static void segment_gives_words(void **state)
{
    (void)state;
    check_step("segment", "Don't stop: 3.5, 1,000 sci-fi (ok).",
               "Don't stop 3.5 1,000 sci fi ok");
    check_step("segment", "E.T. and the U.S. I.think end.Next e.g",
               "E.T and the U.S I think end Next e.g");
    check_step("segment", "中华人民共和国的电影，很好看。",
               "中华 人民 共和国 的 电影 很好 看");
    check_step("segment", "看IMAX版3次", "看 IMAX 版 3 次");
    check_step("segment", "@url x @someone 😀❤", "@url x @someone 😀 ❤");
    check_step("segment", "Вор крадёт naïve café", "Вор крадёт naïve café");
    check_step("segment", "夢の中に", "夢 の 中 に");
    check_step("segment", "en\tit's zh\n", "en\tit's zh\n");
}

static void lower_knows_case(void **state)
{
    (void)state;
    check_step("lower", "ABC ÀÉ ВОР Ω 中", "abc àé вор ω 中");
}

static void stop_keeps_denials(void **state)
{
    (void)state;
    check_step("stop", "this is not a good film @url", "not good film");
    check_step("stop", "这 部 电影 是 不 好看 的", "部 电影 不 好看");
    check_step("stop", "de\tdie was so\nen\tdie was so\n", "de\tdie was so\nen\tdie\n");
}

static void stem_follows_the_language(void **state)
{
    (void)state;
    check_step("stem", "heists planned running happily 电影",
               "heist plan run happili 电影");
    check_step("stem", "de\tgeheimnisse\nfr\tcontinuellement\nzh\tfilms 影\nel\tω\n",
               "de\tgeheimnis\nfr\tcontinuel\nzh\tfilm 影\nel\tω\n");
    check_step("stem", "planned planned 1990s supercalifragilisticexpialidociously",
               "plan plan 1990s supercalifragilisticexpialidoci");
}

static void count_sorts_by_frequency(void **state)
{
    (void)state;
    check_step("count", "b a b\nc en\nen\tb a\n", "3\tb\n2\ta\n1\tc\n1\ten\n");
}

static void count_keeps_frequent_words_in_little_room(void **state)
{
    (void)state;
    struct reel_text_options opt = reel_text_options_default();
    struct reel_error err = {0};
    struct base_buffer out;
    opt.n_count_max = 50;
    struct reel_text_pipe *pipe = open_steps("count", &opt, &out);
    for (int i = 0; i < 3000; i++) {
        char line[64];
        const int n =
            snprintf(line, sizeof line, "often w%d often sometimes%d\n", i, i % 3);
        assert_ok(reel_text_pipe_push(pipe, line, (size_t)n, &err), err);
    }
    assert_ok(reel_text_pipe_end(pipe, &err), err);
    reel_text_pipe_close(pipe);
    int often = 0, sometimes = 0;
    char name[20];
    assert_int_equal(sscanf(base_buffer_text(&out), "%d %19s", &often, name), 2);
    assert_string_equal(name, "often");
    // What was taken is at most one for every time that half of the room was filled.
    assert_true(often <= 6000 && often >= 6000 - 3000 / 20);
    assert_int_equal(
        sscanf(strchr(base_buffer_text(&out), '\n') + 1, "%d %19s", &sometimes, name), 2);
    assert_true(strncmp(name, "sometimes", 9) == 0 && sometimes >= 1000 - 3000 / 20);
    base_buffer_release(&out);
}

// ---------------------------------------------------------------- the pipe

static const char all_steps[] =
    "extract,clean,language,normalize,simplify,segment,lower,stop,stem,count";
static const char sample[] =
    "<p>The <b>heists</b> &mdash; 臥虎藏龍，很好看！！\n#BestFilm @bob https://a.b/c "
    "<a\nhref='x'>y"
    "</a>\n\xff\xc3(bro\xe2\x82ken <!-- c\n --> Ｆｕｌｌ cafe\xcc\x81 哈哈哈哈哈 :) ";

static void any_cut_gives_the_same(void **state)
{
    (void)state;
    struct base_buffer whole, cut;
    const size_t n = sizeof sample - 1;
    run_bytes(all_steps, sample, n, n, &whole);
    assert_true(whole.n_bytes > 0);
    for (size_t n_piece = 1; n_piece < 40; n_piece++) {
        run_bytes(all_steps, sample, n, n_piece, &cut);
        assert_string_equal(base_buffer_text(&cut), base_buffer_text(&whole));
        base_buffer_release(&cut);
    }
    base_buffer_release(&whole);
}

static void a_chain_is_its_steps(void **state)
{
    (void)state;
    struct base_buffer chain, step[2];
    char names[sizeof all_steps];
    int i = 0;
    snprintf(names, sizeof names, "%s", all_steps);
    run_bytes(all_steps, sample, sizeof sample - 1, 7, &chain);
    base_buffer_init(&step[0], 1 << 20);
    assert_true(base_buffer_add(&step[0], sample, sizeof sample - 1));
    for (char *p = names, *next; p; p = next, i = !i) {
        next = strchr(p, ',');
        if (next) {
            *next++ = 0;
        }
        run_bytes(p, step[i].data, step[i].n_bytes, 11, &step[!i]);
        base_buffer_release(&step[i]);
    }
    assert_string_equal(base_buffer_text(&step[i]), base_buffer_text(&chain));
    base_buffer_release(&step[i]);
    base_buffer_release(&chain);
}

/** A line of 1 MB, with and without blanks, goes through in parts and nothing is lost. */
static void long_lines_go_through(void **state)
{
    (void)state;
    static const char *const unit[] = {"word ", "电影，", "电影", "x"};
    for (size_t u = 0; u < COUNT_OF(unit); u++) {
        struct base_buffer in, out;
        base_buffer_init(&in, 4 << 20);
        while (in.n_bytes < 1 << 20) {
            assert_true(base_buffer_add_text(&in, unit[u]));
        }
        run_bytes("extract,simplify,lower", in.data, in.n_bytes, 9973, &out);
        assert_int_equal(out.n_bytes, in.n_bytes);
        assert_memory_equal(out.data, in.data, in.n_bytes);
        base_buffer_release(&out);
        run_bytes("segment,count", in.data, in.n_bytes, 9973, &out);
        const long n_words = (long)(in.n_bytes / strlen(unit[u]));
        if (u < 2) { // cut behind a blank or a stop
            assert_int_equal(strtol(base_buffer_text(&out), NULL, 10), n_words);
        }
        base_buffer_release(&out);
        base_buffer_release(&in);
    }
}

static void a_pipe_serves_one_text_after_another(void **state)
{
    (void)state;
    struct reel_error err = {0};
    struct base_buffer out;
    struct reel_text_pipe *pipe = open_steps("extract,stop,count", NULL, &out);
    assert_ok(reel_text_pipe_push(pipe, "first <script", 13, &err), err);
    assert_ok(reel_text_pipe_end(pipe, &err), err);
    assert_ok(reel_text_pipe_push(pipe, "second", 6, &err), err);
    assert_ok(reel_text_pipe_end(pipe, &err), err);
    assert_string_equal(base_buffer_text(&out), "1\tfirst\n1\tsecond\n");
    reel_text_pipe_close(pipe);
    base_buffer_release(&out);
}

static void wrong_steps_and_languages_are_told(void **state)
{
    (void)state;
    struct reel_error err = {0};
    struct reel_text_pipe *pipe;
    struct reel_text_options opt = reel_text_options_default();
    const char *step[] = {"clean", "rinse"};
    assert_int_equal(reel_text_pipe_open(step, 2, &opt, gather, NULL, &pipe, &err),
                     REEL_EINVAL);
    assert_string_equal(err.text, "there is no step of text 'rinse'");
    assert_null(pipe);
    assert_int_equal(reel_text_pipe_open(step, 0, &opt, gather, NULL, &pipe, &err),
                     REEL_EINVAL);
    opt.language = "xx";
    assert_int_equal(reel_text_pipe_open(step, 1, &opt, gather, NULL, &pipe, &err),
                     REEL_EINVAL);
    assert_string_equal(err.text, "language 'xx' is not known");
}

static enum reel_status refuse(const char *bytes, size_t n, void *payload,
                               struct reel_error *err)
{
    (void)bytes, (void)n, (void)payload;
    err->code = REEL_ECANCELLED;
    return REEL_ECANCELLED;
}

static void what_the_sink_says_is_passed_on(void **state)
{
    (void)state;
    struct reel_error err = {0};
    struct reel_text_pipe *pipe;
    const char *step[] = {"lower", "stop"};
    assert_ok(reel_text_pipe_open(step, 2, NULL, refuse, NULL, &pipe, &err), err);
    assert_int_equal(reel_text_pipe_push(pipe, "a b\n", 4, &err), REEL_ECANCELLED);
    reel_text_pipe_close(pipe);
    assert_int_equal(reel_text_words("heist", 5, NULL, refuse, NULL, &err),
                     REEL_ECANCELLED);
}

static void memory_that_runs_out_is_told(void **state)
{
    (void)state;
    const char *step[] = {"extract", "clean", "language", "normalize", "simplify",
                          "segment", "lower", "stop",     "stem",      "count"};
    bool is_done = false;
    for (long n = 0; !is_done; n++) {
        struct reel_error err = {0};
        struct base_buffer out;
        struct reel_text_pipe *pipe = NULL;
        base_buffer_init(&out, 1 << 20);
        base_alloc_fail_after(n);
        enum reel_status rc =
            reel_text_pipe_open(step, COUNT_OF(step), NULL, gather, &out, &pipe, &err);
        if (rc == REEL_OK) {
            rc = reel_text_pipe_push(pipe, sample, sizeof sample - 1, &err);
            rc = rc ? rc : reel_text_pipe_end(pipe, &err);
        } else {
            assert_null(pipe);
        }
        base_alloc_fail_after(-1);
        assert_true(rc == REEL_OK || rc == REEL_ENOMEM);
        is_done = rc == REEL_OK;
        reel_text_pipe_close(pipe);
        base_buffer_release(&out);
    }
}

// ---------------------------------------------------------------- the dictionary

/** Random runs over frequent and rare characters: what ICU would have cut. */
static void the_dictionary_cuts_as_icu_does(void **state)
{
    (void)state;
    static const char text[] =
        "一个年轻的武侠高手在江湖上寻找失踪多年师父却发现自己才是真正凶手中华人民共和国首"
        "都电影院"
        "里放映着国产科幻片观众们不禁潸然泪下饕餮龘他说这部改编自同名小说作品讲述了第二次"
        "世界大战"
        "期间爱情故事导演以细腻镜头语言展现人性光辉票房突破亿元大关获得最佳男主角奖提名";
    enum { N_CHARACTERS = (sizeof text - 1) / 3, N_RUNS = 3000, N_MAX = 24 };
    struct reel_error err = {0};
    struct feat_icu *icu;
    struct feat_han *han;
    assert_ok(feat_icu_create(&icu, &err), err);
    assert_ok(feat_han_create(icu, &han, &err), err);
    uint32_t random = 1;
    for (int r = 0; r < N_RUNS; r++) {
        char run[3 * N_MAX];
        size_t n = 0;
        random = random * 1664525u + 1013904223u;
        const int n_characters = 1 + (int)(random >> 16) % N_MAX;
        int at = 0;
        for (int i = 0; i < n_characters;
             i++, at++) { // pieces of the text, so words occur
            random = random * 1664525u + 1013904223u;
            at = i == 0 || (random >> 20) % 4 == 0 ? (int)(random >> 8) % N_CHARACTERS
                                                   : at;
            memcpy(run + n, text + 3 * (at % N_CHARACTERS), 3);
            n += 3;
        }
        const int32_t *ours, *theirs;
        int32_t n_ours, n_theirs;
        assert_true(feat_han_cut(han, run, n, &ours, &n_ours));
        assert_true(feat_icu_cut(icu, run, n, &theirs, &n_theirs));
        assert_int_equal(n_ours, n_theirs);
        assert_memory_equal(ours, theirs, (size_t)n_ours * sizeof *ours);
    }
    assert_true(feat_han_is_fast(han)); // else the comparison says nothing
    feat_han_free(han);
    feat_icu_free(icu);
}

// ---------------------------------------------------------------- words, language

static enum reel_status add_word(const char *word, size_t n, void *payload,
                                 struct reel_error *err)
{
    (void)err;
    char *said = payload;
    const size_t at = strlen(said);
    snprintf(said + at, 1000 - at, "%s%.*s", at ? " " : "", (int)n, word);
    return REEL_OK;
}

static void check_words(const char *text, const char *wanted)
{
    struct reel_error err = {0};
    char said[1000] = "";
    assert_ok(reel_text_words(text, strlen(text), NULL, add_word, said, &err), err);
    assert_string_equal(said, wanted);
}

static void words_are_folded_cut_and_stemmed(void **state)
{
    (void)state;
    check_words("The heists were planned by Dom Cobb.", "heist plan dom cobb");
    check_words("The ＨＥＩＳＴ", "heist");
    check_words("他们在臥虎藏龍里的武侠世界", "卧虎藏龙 武侠 世界");
    check_words("<p>not a good film</p> 没有意思 http://a.b/c",
                "not good film 没有 意思");
    check_words("", "");
    check_words("<script>never closed", "");
    check_words("another text is not a script", "text not script");
}

static void check_language(const char *text, const char *wanted)
{
    assert_string_equal(reel_text_language(text, strlen(text)), wanted);
}

static void languages_are_told(void **state)
{
    (void)state;
    check_language("A thief who steals secrets is given the job of planting an idea",
                   "en");
    check_language("I'm so happy that they made this movie", "en");
    check_language("一个偷取秘密的小偷，得到了植入想法的任务", "zh");
    check_language("看了三遍《Inception》，还是很好看", "zh");
    check_language("夢の中に入って秘密を盗む男の話", "ja");
    check_language("꿈속에서 비밀을 훔치는 도둑", "ko");
    check_language("Un voleur qui vole les secrets est dans une histoire de rêves", "fr");
    check_language("Ein Dieb, der Geheimnisse stiehlt und nicht mehr zu sich findet",
                   "de");
    check_language("Un ladrón que roba los secretos de la gente en sus sueños", "es");
    check_language("Un ladro che ruba i segreti della gente nei sogni è anche più", "it");
    check_language("Um ladrão que rouba os segredos das pessoas não pode voltar", "pt");
    check_language("Een dief die geheimen steelt van de mensen en niet naar huis kan",
                   "nl");
    check_language("En tjuv som stjäl hemligheter och inte kan komma hem till barnen",
                   "sv");
    check_language("Вор, который крадёт секреты", "ru");
    check_language("1234 !!", "");
    check_language("", "");
    check_language("\xe4\xb8", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extract_reads_html),
        cmocka_unit_test(extract_leaves_signs_that_begin_no_tag),
        cmocka_unit_test(extract_reads_markdown),
        cmocka_unit_test(extract_marks_what_posts_hold),
        cmocka_unit_test(clean_takes_noise_off),
        cmocka_unit_test(clean_takes_boilerplate_off),
        cmocka_unit_test(language_stands_before_each_line),
        cmocka_unit_test(normalize_gives_one_form),
        cmocka_unit_test(simplify_leaves_one_chinese),
        cmocka_unit_test(segment_gives_words),
        cmocka_unit_test(lower_knows_case),
        cmocka_unit_test(stop_keeps_denials),
        cmocka_unit_test(stem_follows_the_language),
        cmocka_unit_test(count_sorts_by_frequency),
        cmocka_unit_test(count_keeps_frequent_words_in_little_room),
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(a_chain_is_its_steps),
        cmocka_unit_test(long_lines_go_through),
        cmocka_unit_test(a_pipe_serves_one_text_after_another),
        cmocka_unit_test(wrong_steps_and_languages_are_told),
        cmocka_unit_test(what_the_sink_says_is_passed_on),
        cmocka_unit_test(memory_that_runs_out_is_told),
        cmocka_unit_test(the_dictionary_cuts_as_icu_does),
        cmocka_unit_test(words_are_folded_cut_and_stemmed),
        cmocka_unit_test(languages_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
