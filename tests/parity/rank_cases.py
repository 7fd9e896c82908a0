#!/usr/bin/env python3
"""Write rank_cases.h: measures, similarities and diverse orders computed with NumPy.

    python3 rank_cases.py > rank_cases.h      (needs numpy; the output is stored)

Everything here follows the formulas in the heads of rank_measure.c, rank_similarity.c and
rank_diversity.c by the most direct route: full sorts, dense matrices, determinants. Scores
are multiples of 1/64, so single precision adds them exactly and ties do occur.
"""
import numpy as np

from emit import emit

ALPHA = 0.01
SHRINKAGE = 0.01


def emit_csr(name, dense):
    start = np.concatenate([[0], np.cumsum((dense > 0).sum(axis=1))])
    col = [int(c) for row in dense for c in np.flatnonzero(row)]
    emit("int64_t", name + "_start", [int(s) for s in start])
    emit("int32_t", name + "_col", col)
    print(f"static const struct reel_csr {name} = {{{dense.shape[0]}, {dense.shape[1]}, "
          f"{name}_start, {name}_col, NULL}};")


# ---- measures ----

def measure(scores, train, also, test, genres, k):
    n_choosers = (train.sum(axis=1) > 0).sum()
    chosen = np.maximum(train.sum(axis=0), 1)
    recall, ndcg, novelty, diversity, calibration = [], [], [], [], []
    covered = set()
    for v in range(len(scores)):
        if test[v].sum() == 0:
            continue
        order = np.lexsort((np.arange(scores.shape[1]), -scores[v]))
        top = [f for f in order if not train[v, f] and not also[v, f]][:k]
        covered.update(top)
        hit = np.array([test[v, f] for f in top], float)
        gain = 1 / np.log2(np.arange(len(top)) + 2)
        ideal = (1 / np.log2(np.arange(min(k, int(test[v].sum()))) + 2)).sum()
        recall.append(hit.sum() / test[v].sum())
        ndcg.append((hit * gain).sum() / ideal)
        novelty.append(np.mean(-np.log2(chosen[top] / n_choosers)))
        pairs = [1 - (genres[a] & genres[b]).sum() / (genres[a] | genres[b]).sum()
                 for i, a in enumerate(top) for b in top[:i]
                 if genres[a].any() and genres[b].any()]
        diversity.append(np.mean(pairs) if pairs else np.nan)
        known = [f for f in np.flatnonzero(train[v]) if genres[f].any()]
        listed = [f for f in top if genres[f].any()]
        if known and listed:
            p = np.mean([genres[f] / genres[f].sum() for f in known], axis=0)
            q = np.mean([genres[f] / genres[f].sum() for f in listed], axis=0)
            mixed = (1 - ALPHA) * q + ALPHA * p
            calibration.append(sum(p[g] * np.log(p[g] / mixed[g])
                                   for g in range(len(p)) if p[g] > 0))
        else:
            calibration.append(np.nan)
    return (np.mean(recall), np.mean(ndcg), len(covered) / scores.shape[1],
            np.mean(novelty), np.nanmean(diversity), np.nanmean(calibration), ndcg)


def measure_case(name, seed, n_viewers, n_films, n_genres):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-4, 9, (n_films, n_films)) / 64
    bias = rng.integers(0, 5, n_films) / 64
    part = rng.choice(4, (n_viewers, n_films), p=[.6, .2, .1, .1])
    part[0] = 0                                 # a viewer who did nothing
    part[1][part[1] == 1] = 0                   # a viewer without history
    train, also, test = [(part == p).astype(int) for p in (1, 2, 3)]
    genres = (rng.random((n_films, n_genres)) < .3).astype(int)
    genres[3] = 0
    scores = train @ weights + bias
    emit("float", name + "_weights", [float(w) for w in weights.ravel()])
    emit("float", name + "_bias", [float(b) for b in bias])
    for part_name, m in (("train", train), ("also", also), ("test", test),
                         ("genres", genres)):
        emit_csr(name + "_" + part_name, m)
    cuts = [3, 10]
    rows = [measure(scores, train, also, test, genres > 0, k) for k in cuts]
    for i, what in enumerate(("recall", "ndcg", "coverage", "novelty", "diversity",
                              "calibration")):
        emit("double", f"{name}_{what}", [float(r[i]) for r in rows])
    emit("double", name + "_ndcg_by_viewer", [float(x) for x in rows[0][6]])


# ---- diversity ----

def blocks_similarity(blocks, weights):
    vectors = []
    for block, w in zip(blocks, weights):
        length = np.sqrt(block.sum(axis=1, keepdims=True))
        vectors.append(np.sqrt(w) * block / np.where(length > 0, length, 1))
    v = np.hstack(vectors)
    length = np.linalg.norm(v, axis=1, keepdims=True)
    v = v / np.where(length > 0, length, 1)
    s = v @ v.T
    np.fill_diagonal(s, 1)
    return s


def mmr(relevance, s, d, n_pick):
    picked = []
    while len(picked) < n_pick:
        value = (1 - d) * relevance
        if picked:
            value = value - d * s[:, picked].max(axis=1)
        value[picked] = -np.inf
        picked.append(int(np.argmax(value)))
    return picked


def dpp(relevance, s, d, n_pick):
    kernel = (1 - SHRINKAGE) * (1 + s) / 2
    np.fill_diagonal(kernel, 1)
    picked = []
    while len(picked) < n_pick:
        value = np.full(len(s), -np.inf)
        for i in set(range(len(s))) - set(picked):
            both = picked + [i]
            gain = np.linalg.det(kernel[np.ix_(both, both)])
            if picked:
                gain /= np.linalg.det(kernel[np.ix_(picked, picked)])
            value[i] = (1 - d) * relevance[i] + d * np.log(gain)
        picked.append(int(np.argmax(value)))
    return picked


def diversity_case():
    rng = np.random.default_rng(7)
    n, k, n_pick = 30, 8, 7
    vectors = rng.integers(-20, 21, (n, k)) / 16
    relevance = np.sort(rng.random(n))[::-1]
    relevance = (relevance - relevance[-1]) / (relevance[0] - relevance[-1])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    blocks = [(rng.random((n, c)) < p).astype(int) for c, p in ((6, .35), (20, .15), (15, .2))]
    for b in blocks:
        b[4] = 0                                # a film of which nothing is known
    blocks[1][9] = 0
    emit("float", "diverse_vectors", [float(x) for x in vectors.ravel()])
    emit("double", "diverse_relevance", [float(x) for x in relevance])
    for name, b in zip(("genres", "keywords", "people"), blocks):
        emit_csr("diverse_" + name, b)
    by_vector = unit @ unit.T
    by_block = blocks_similarity(blocks, (.5, .25, .25))
    emit("double", "diverse_similarity", [float(x) for x in by_block.ravel()])
    knobs = [0.2, 0.5, 0.8, 1.0]
    emit("double", "diverse_knob", knobs)
    for name, s in (("vector", by_vector), ("block", by_block)):
        for method in (mmr, dpp):
            emit("int32_t", f"diverse_{name}_{method.__name__}",
                 [p for d in knobs for p in method(relevance.copy(), s, d, n_pick)])
    print(f"enum {{ DIVERSE_N = {n}, DIVERSE_K = {k}, DIVERSE_PICK = {n_pick}, "
          f"DIVERSE_KNOBS = {len(knobs)} }};")


print("// Written by rank_cases.py; do not edit.")
print("#ifndef RANK_CASES_H\n#define RANK_CASES_H\n")
print("#include <forkreel/matrix.h>\n\n#include <math.h>\n#include <stddef.h>\n")
print("// clang-format off")
measure_case("first", 1, 14, 40, 6)
measure_case("second", 2, 25, 17, 4)
diversity_case()
print("// clang-format on\n\n#endif")
