/**
 * Recommend with the library alone: no database, no files, no program.
 *
 *     cc recommend.c $(pkg-config --cflags --libs forkreel) -o recommend && ./recommend
 *
 * Six viewers and eight films: half of the viewers keep to space films, half to kitchen
 * films, and each saw fewer of them than the one before.
 */
#include <forkreel/forkreel.h>

#include <stdio.h>

static const char *const title[] = {
    "The Long Orbit",  "Red Dust Station",  "Moonlight Salvage", "The Last Airlock",
    "Butter and Salt", "The Noodle Street", "A Knife for Two",   "Sourdough",
};

#define N_FILMS 8
#define N_VIEWERS 6
#define N_TOP 2

int main(void)
{
    /* Row r of the matrix is what viewer r chose: film[start[r]] .. film[start[r+1]-1]. */
    static const int64_t start[N_VIEWERS + 1] = {0, 4, 7, 9, 13, 16, 18};
    static const int32_t film[] = {0, 1, 2, 3, 0, 1, 2, 0, 1, 4, 5, 6, 7, 4, 5, 7, 5, 7};
    const struct reel_training data = {
        .chosen = {.n_rows = N_VIEWERS, .n_cols = N_FILMS, .start = start, .col = film},
    };
    struct reel_train_options opt = reel_train_options_default();
    struct reel_model *model = NULL;
    struct reel_error err;
    int32_t top[N_VIEWERS * N_TOP];
    float score[N_VIEWERS * N_TOP];

    if (reel_settings_parse("ease", "regularization=1", &opt, &err) != REEL_OK ||
        reel_model_train("ease", &data, &opt, &model, &err) != REEL_OK ||
        reel_model_top(model, &data.chosen, NULL, N_TOP, 1, top, score, &err) !=
            REEL_OK) {
        fprintf(stderr, "recommend: %s\n", err.text);
        reel_model_free(model);
        return 1;
    }
    for (int32_t v = 2; v < N_VIEWERS; v += 3) { // the two who saw least
        for (int32_t i = 0; i < N_TOP; i++) {
            printf("viewer %d: %s\n", v, title[top[v * N_TOP + i]]);
        }
    }
    reel_model_free(model);
    return 0;
}
