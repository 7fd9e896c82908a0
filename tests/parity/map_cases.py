#!/usr/bin/env python3
"""Write map_cases.h: what the map from features to taste computes, by NumPy in double.

    python3 map_cases.py | clang-format --assume-filename=x.h > map_cases.h
    (needs numpy; the output is stored)

Closed forms on dense matrices: held-out predictions leave each film out for real, the
logistic regression is Newton's method on the whole matrix, the rising curve is the best of
all ways to cut points into levels.
"""
import numpy as np

from emit import emit

rng = np.random.default_rng(2024)
N, N_WORDS, N_DENSE, N_TARGETS = 14, 11, 4, 3


def floats(name, a):
    emit("float", name, [float(np.float32(v)) for v in np.ravel(a)])


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(float)


words = f32(np.where(rng.random((N, N_WORDS)) < 0.3, rng.uniform(0.2, 2, (N, N_WORDS)), 0))
words[3] = 0                                    # nothing is known of this film's words
dense = f32(rng.normal(3, 1, (N, N_DENSE)))
dense[5] = 0
weight = f32([0.7, 0.4])
noise = f32(rng.uniform(0, 0.5, N))
target = f32(rng.normal(0, 1, (N_TARGETS, N)))
NOISE_ALL = 0.5


def unit(x):
    length = np.sqrt((x ** 2).sum(axis=1, keepdims=True))
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)


known = dense.any(axis=1)
centred = np.where(known[:, None], dense - dense[known].mean(axis=0), 0)
kernel = weight[0] * unit(words) @ unit(words).T + weight[1] * unit(centred) @ unit(centred).T
a = kernel + np.diag(NOISE_ALL + noise)
dual = np.linalg.solve(a, target.T).T
held_out = np.empty_like(dual)
for f in range(N):
    rest = np.arange(N) != f
    held_out[:, f] = kernel[f, rest] @ np.linalg.solve(a[np.ix_(rest, rest)],
                                                       target[:, rest].T)

start = np.concatenate([[0], np.cumsum((words > 0).sum(axis=1))])
print("// Written by map_cases.py; do not edit.\n#include <stdint.h>\n")
print(f"enum {{ N = {N}, N_WORDS = {N_WORDS}, N_DENSE = {N_DENSE}, "
      f"N_TARGETS = {N_TARGETS} }};\n#define NOISE_ALL {NOISE_ALL}F")
emit("int64_t", "words_start", [int(s) for s in start])
emit("int32_t", "words_col", [int(c) for row in words for c in np.flatnonzero(row)])
floats("words_value", words[words > 0])
floats("dense", dense)
floats("block_weight", weight)
floats("noise", noise)
floats("target", target)
floats("dual_expected", dual)
floats("held_out_expected", held_out)

# ---- logistic regression with a pull ----
N_PAIRS, N_INPUTS, PULL = 60, 4, 0.5
x = f32(np.hstack([np.ones((N_PAIRS, 1)), rng.normal(0, 1, (N_PAIRS, N_INPUTS - 1))]))
y = (rng.random(N_PAIRS) < 1 / (1 + np.exp(-x @ [0.3, 1.5, -1, 0]))).astype(float)
w = f32(rng.uniform(0.5, 3, N_PAIRS))
beta = np.zeros(N_INPUTS)
for _ in range(100):
    p = 1 / (1 + np.exp(-x @ beta))
    gradient = x.T @ (w * (y - p)) - PULL * beta
    beta += np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + PULL * np.eye(N_INPUTS),
                            gradient)
print(f"enum {{ N_PAIRS = {N_PAIRS}, N_INPUTS = {N_INPUTS} }};\n#define PULL {PULL}")
floats("pair_x", x)
floats("pair_y", y)
floats("pair_weight", w)
floats("beta_expected", beta)

# ---- isotonic regression: max-min formula (Barlow et al. 1972, 1.11) ----
N_POINTS = 20
px = f32(np.sort(rng.normal(0, 1, N_POINTS)))
py = f32(px + rng.normal(0, 1, N_POINTS))
level = [max(min(py[s:t + 1].mean() for t in range(i, N_POINTS)) for s in range(i + 1))
         for i in range(N_POINTS)]
order = rng.permutation(N_POINTS)
print(f"enum {{ N_POINTS = {N_POINTS} }};")
floats("point_x", px[order])
floats("point_y", py[order])
floats("level_expected", np.array(level)[order])
