/**
 * Random numbers: xoshiro256** (Blackman and Vigna 2021), seeded by splitmix64.
 * One generator per worker; same seed and stream, same numbers on every machine.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct base_rng {
    uint64_t s[4];
};

/** Generators with different streams are independent for practical purposes. */
void base_rng_init(struct base_rng *rng, uint64_t seed, uint64_t stream);
uint64_t base_rng_u64(struct base_rng *rng);
/** Uniform in [0, n), without bias (Lemire 2019); n > 0. */
uint32_t base_rng_below(struct base_rng *rng, uint32_t n);
/** Uniform in [0, 1). */
double base_rng_double(struct base_rng *rng);
/** Mean 0, variance 1 (polar method). */
double base_rng_normal(struct base_rng *rng);
/** Fisher-Yates over item[0 .. n-1]. */
void base_rng_shuffle(struct base_rng *rng, int32_t *item, int32_t n);

#endif
