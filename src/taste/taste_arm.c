/** What a bandit sees of a branch. */
#include <forkreel/feedback.h>

#include <ctype.h>
#include <math.h>
#include <string.h>

enum {
    AT_CONSTANT = 0,
    AT_INTENSITY = 1,
    AT_NOVELTY = 2,
    AT_TONES = 3,
    N_TONES = 5,
    AT_GENRES = AT_TONES + N_TONES,
    N_GENRES = 16,
    AT_EVENTS = AT_GENRES + N_GENRES,
    N_EVENTS = 32,
};
_Static_assert(AT_EVENTS + N_EVENTS == REEL_ARM_DIMS, "places of an arm's features");

/** FNV-1a of the lower-cased bytes. */
static uint32_t hash(const char *text, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (uint32_t)tolower((unsigned char)text[i])) * 16777619u;
    }
    return h ^ h >> 16;
}

void reel_arm_features(const struct reel_arm *arm, float x[REEL_ARM_DIMS])
{
    static const char *const tones[N_TONES] = {"dark", "light", "tense", "tender", "wry"};
    memset(x, 0, REEL_ARM_DIMS * sizeof *x);
    x[AT_CONSTANT] = 1;
    x[AT_INTENSITY] = (float)(2 * arm->intensity - 1);
    x[AT_NOVELTY] = (float)arm->novelty;
    for (int t = 0; arm->tone && t < N_TONES; t++) {
        x[AT_TONES + t] = strcmp(arm->tone, tones[t]) == 0;
    }
    float n_genres = 0;
    for (const char *at = arm->genres; at && *at;) {
        const size_t n = strcspn(at, ",");
        if (n > 0) {
            x[AT_GENRES + hash(at, n) % N_GENRES] += 1;
            n_genres += 1;
        }
        at += n;
        at += strspn(at, ", ");
    }
    for (int g = 0; n_genres > 0 && g < N_GENRES; g++) {
        x[AT_GENRES + g] /= sqrtf(n_genres);
    }
    if (arm->event && *arm->event) {
        x[AT_EVENTS + hash(arm->event, strlen(arm->event)) % N_EVENTS] = 1;
    }
}
