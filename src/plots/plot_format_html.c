/**
 * One page that plays the story: no network, no markup from outside. Every scene stands in
 * the page as text, its choices are links; data/player/player.js shows one at a time. So
 * the page is a book where scripts are off, and on paper.
 *
 * The policy lets only this page's own style and script run: they carry a nonce, and text
 * of the story is escaped, so it cannot carry one.
 */
#include "plot_format.h"

#include "base_error.h"
#include "plot_data.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *player_file(const char *name)
{
    for (const struct plot_data_file *file = plot_data_files; file->name; file++) {
        if (!strcmp(file->name, name)) {
            return file->text;
        }
    }
    return ""; // cannot be: the build put it there
}

static uint64_t nonce_of(const struct reel_story *story)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *at = story->id; *at; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
    }
    return hash;
}

static void put(FILE *out, const char *before, const char *text, const char *after)
{
    fputs(before, out);
    plot_format_put_xml(out, text);
    fputs(after, out);
}

static void put_head(const struct reel_story *story, FILE *out)
{
    const uint64_t nonce = nonce_of(story);
    fprintf(out,
            "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'nonce-%016" PRIx64 "'; script-src 'nonce-%016" PRIx64
            "'; base-uri 'none'; form-action 'none'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"referrer\" content=\"no-referrer\">\n",
            PLOT_SAY(story, "en", "zh-CN"), nonce, nonce);
    put(out, "<title>", story->title, "</title>\n");
    fprintf(out, "<style nonce=\"%016" PRIx64 "\">\n%s</style>\n</head>\n", nonce,
            player_file("player/player.css"));
    put(out, "<body data-story=\"", story->id, "\"");
    put(out, " data-said=\"",
        PLOT_SAY(story, "Scene {step}. {n} choices.", "第 {step} 幕，{n} 个选择。"),
        "\"");
    put(out, " data-seen=\"",
        PLOT_SAY(story,
                 "{seen} of {all} scenes seen, {found} of {endings} endings found.",
                 "看过 {all} 幕中的 {seen} 幕，找到 {endings} 个结局中的 {found} 个。"),
        "\">\n");
}

static void put_button(FILE *out, const char *id, const char *words, const char *key,
                       const char *more)
{
    fprintf(out, "<button type=\"button\" id=\"%s\"%s>%s", id, more, words);
    if (*key) {
        fprintf(out, " <kbd aria-hidden=\"true\">%s</kbd>", key);
    }
    fputs("</button>\n", out);
}

/** "Drama, War", in Chinese "剧情、战争"; a genre that is not known stays as it is. */
static void put_genres(const struct reel_story *story, FILE *out)
{
    static const char *const chinese[][2] = {
        {"Action", "动作"},   {"Adventure", "冒险"},   {"Animation", "动画"},
        {"Crime", "犯罪"},    {"Children's", "儿童"},  {"Comedy", "喜剧"},
        {"Drama", "剧情"},    {"Documentary", "纪录"}, {"Fantasy", "奇幻"},
        {"Horror", "恐怖"},   {"Film-Noir", "黑色"},   {"Musical", "音乐"},
        {"Mystery", "悬疑"},  {"Romance", "爱情"},     {"Sci-Fi", "科幻"},
        {"Thriller", "惊悚"}, {"War", "战争"},         {"Western", "西部"},
    };
    for (const char *at = story->genre; *at;) {
        char genre[64];
        const size_t n = strcspn(at, ",");
        snprintf(genre, sizeof genre, "%.*s", (int)n, at);
        const char *said = genre;
        for (size_t i = 0; i < sizeof chinese / sizeof *chinese; i++) {
            said = strcmp(chinese[i][0], genre) ? said
                                                : PLOT_SAY(story, genre, chinese[i][1]);
        }
        plot_format_put_xml(out, said);
        at += n + strspn(at + n, ", ");
        fputs(*at ? PLOT_SAY(story, ", ", "、") : "", out);
    }
}

static void put_top(const struct reel_story *story, FILE *out)
{
    put(out, "<header>\n<h1>", story->title, "</h1>\n<p class=\"about\">");
    if (story->genre) {
        put_genres(story, out);
    }
    if (story->viewer) {
        put(out, PLOT_SAY(story, " · for ", " · 为 "), story->viewer, "");
    }
    fputs("</p>\n<div class=\"tools\" id=\"tools\" hidden>\n", out);
    put_button(out, "back", PLOT_SAY(story, "Back", "后退"), "b", "");
    put_button(out, "restart", PLOT_SAY(story, "Start again", "重新开始"), "r", "");
    put_button(out, "map", PLOT_SAY(story, "Map", "地图"), "m",
               " aria-expanded=\"false\" aria-controls=\"map-panel\"");
    put_button(out, "why", PLOT_SAY(story, "Why", "为什么"), "w",
               " aria-pressed=\"false\"");
    put_button(out, "theme", PLOT_SAY(story, "Light or dark", "深色/浅色"), "", "");
    fprintf(out,
            "</div>\n</header>\n<p class=\"unseen\" id=\"said\" aria-live=\"polite\">"
            "</p>\n<section class=\"map\" id=\"map-panel\" aria-labelledby=\"map-title\" "
            "hidden>\n<h2 id=\"map-title\">%s</h2>\n<ol id=\"way\"></ol>\n"
            "<p class=\"seen\" id=\"seen\"></p>\n</section>\n<main>\n",
            PLOT_SAY(story, "The way so far", "走过的路"));
}

/** Paragraphs at line breaks. */
static void put_paragraphs(FILE *out, const char *text)
{
    while (*text) {
        char line[1024];
        const size_t n_line = strcspn(text, "\n");
        size_t n = n_line;
        if (n > 0) {
            fputs("<p class=\"text\">", out);
        }
        for (const char *at = text; n > 0;) {
            size_t n_piece = n < sizeof line ? n : sizeof line - 1;
            while (n_piece < n && ((unsigned char)at[n_piece] & 0xc0) == 0x80) {
                n_piece--; // not inside a character
            }
            snprintf(line, sizeof line, "%.*s", (int)n_piece, at);
            plot_format_put_xml(out, line);
            at += n_piece;
            n -= n_piece;
        }
        fputs(n_line > 0 ? "</p>\n" : "", out);
        text += n_line + (text[n_line] == '\n');
    }
}

enum row { ROW_ADDS, ROW_SHARE, ROW_SUM, ROW_GAIN };

static void put_row(FILE *out, const char *name, double value, enum row row)
{
    if (isnan(value)) {
        return;
    }
    fputs(row == ROW_SUM ? "<tr class=\"sum\">" : "<tr>", out);
    put(out, "<th scope=\"row\">", name, "</th><td>");
    if (row == ROW_GAIN) {
        fprintf(out, "%+.2f</td></tr>\n", value);
    } else {
        fprintf(out, row == ROW_ADDS ? "%+.1f %%</td></tr>\n" : "%.1f %%</td></tr>\n",
                100 * value);
    }
}

/** What the scores say; the parts add up to the sum below them. */
static void put_why(const struct reel_story *story, int32_t i, FILE *out)
{
    const struct reel_story_node *node = &story->node[i];
    fprintf(out, "<aside class=\"why\">\n<h3>%s</h3>\n<table>\n",
            PLOT_SAY(story, "Why this scene", "为什么是这一幕"));
    for (int32_t p = 0; p < node->n_parts; p++) {
        put_row(out, node->part[p].name, node->part[p].value, ROW_ADDS);
    }
    put_row(out, PLOT_SAY(story, "how much you would like it", "你会喜欢的程度"),
            node->p_like, ROW_SUM);
    put_row(out, PLOT_SAY(story, "how well it follows the plot", "与情节相符的程度"),
            node->p_plan, ROW_SHARE);
    put_row(out,
            PLOT_SAY(story, "how much the story makes it likelier, per token",
                     "前文使它更可能的程度（每个词元）"),
            node->gain_per_token, ROW_GAIN);
    put(out, "<tr><th scope=\"row\">", PLOT_SAY(story, "written by", "文字来源"),
        "</th>");
    put(out, "<td>", plot_format_provenance_label(story, node->provenance),
        "</td></tr>\n</table>\n</aside>\n");
}

static void put_choices(const struct reel_story *story,
                        const struct plot_story_links *links, int32_t i, FILE *out)
{
    if (links->start[i] == links->start[i + 1]) {
        return;
    }
    fputs("<ol class=\"choices\">\n", out);
    for (int32_t c = links->start[i]; c < links->start[i + 1]; c++) {
        const struct reel_story_node *child = &story->node[links->child[c]];
        fprintf(out, "<li><a href=\"#n%d\">", links->child[c]);
        put(out, "<span class=\"words\">", child->choice, "</span>");
        if (!isnan(child->p_like)) {
            fprintf(out, "<span class=\"like\">%.0f %%</span>", 100 * child->p_like);
        }
        fputs("</a></li>\n", out);
    }
    fputs("</ol>\n", out);
}

static void put_scene(const struct reel_story *story,
                      const struct plot_story_links *links, int32_t i, FILE *out)
{
    const struct reel_story_node *node = &story->node[i];
    fprintf(out,
            "<section class=\"scene\" id=\"n%d\" aria-labelledby=\"h%d\" "
            "data-parents=\"",
            i, i);
    for (int32_t p = 0; p < node->n_parents; p++) {
        fprintf(out, "%s%d", p ? " " : "", node->parent[p]);
    }
    fprintf(out, "\" data-ending=\"%s\">\n<h2 id=\"h%d\" tabindex=\"-1\">",
            node->is_ending ? node->ending : "", i);
    put(out, "", node->choice ? node->choice : PLOT_SAY(story, "The opening", "开头"),
        "</h2>\n");
    put_paragraphs(out, node->text);
    if (node->is_ending) {
        put(out, "<p class=\"ending\">", plot_format_ending_label(story, node->ending),
            "</p>\n");
    }
    put_choices(story, links, i, out);
    if (i > 0) {
        put_why(story, i, out);
    }
    fputs("</section>\n", out);
}

enum reel_status plot_format_html_write(const struct reel_story *story, FILE *out,
                                        struct reel_error *err)
{
    struct plot_story_links links;
    const enum reel_status rc = plot_story_links_init(&links, story, err);
    if (rc) {
        return rc;
    }
    put_head(story, out);
    put_top(story, out);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        put_scene(story, &links, i, out);
    }
    fputs("</main>\n<footer>", out);
    put(out, PLOT_SAY(story, "A story grown by Forkreel", "由 Forkreel 生长的故事"), "",
        "");
    if (story->model) {
        put(out, PLOT_SAY(story, ", written with ", "，模型："), story->model, "");
    }
    fputs(PLOT_SAY(story, ".", "。"), out);
    fprintf(out,
            "</footer>\n<script nonce=\"%016" PRIx64 "\">\n%s</script>\n</body>\n"
            "</html>\n",
            nonce_of(story), player_file("player/player.js"));
    plot_story_links_release(&links);
    return REEL_OK;
}
