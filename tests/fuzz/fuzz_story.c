/** Any bytes as a story file: refused with a line, or whole and the same when written and read again. */
#include <forkreel/story.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static char *written(const struct reel_story *story, const char *format)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (!out || reel_story_write(story, format, out, NULL)) {
        abort();
    }
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct reel_story *story, *again;
    struct reel_error err = {.text = ""};
    const enum reel_status rc =
        reel_story_parse((const char *)data, n_bytes, "fuzz", &story, &err);
    if (rc) {
        if (!err.text[0] || story || (rc != REEL_EFORMAT && rc != REEL_EVERSION)) {
            abort();
        }
        return 0;
    }
    int32_t n_formats, path[64];
    const struct reel_story_format *formats = reel_story_formats(&n_formats);
    for (int32_t f = 0; f < n_formats; f++) {
        free(written(story, formats[f].name));
    }
    if (reel_story_best_path(story, path, 64) < 1 || path[0] != 0) {
        abort();
    }
    char *text = written(story, "json");
    if (reel_story_parse(text, strlen(text), "again", &again, &err)) {
        abort();
    }
    char *text_again = written(again, "json");
    if (strcmp(text, text_again) != 0) {
        abort();
    }
    free(text);
    free(text_again);
    reel_story_free(story);
    reel_story_free(again);
    return 0;
}
