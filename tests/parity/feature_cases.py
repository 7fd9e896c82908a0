#!/usr/bin/env python3
"""Write feature_cases.h: what features must hold, by NumPy in double precision.

    python3 feature_cases.py | clang-format --assume-filename=x.h > feature_cases.h
    (needs numpy; the output is stored)

Words are such that neither stemming nor stop words change them. No code is shared with
src/features: counts are dictionaries, matrices are dense, the SVD is LAPACK's own.
"""
from collections import Counter
from math import log

import numpy as np

from emit import emit

rng = np.random.default_rng(19880615)
WORDS = "bank murder train river king ghost storm doctor island letter".split()
texts = [" ".join(rng.choice(WORDS, size=int(rng.integers(3, 14)))) for _ in range(12)]


def floats(name, values):
    emit("float", name, [float(np.float32(v)) for v in np.ravel(values)])


def strings(name, values):
    print(f"static const char *const {name}[] = {{" +
          ", ".join('"%s"' % v for v in values) + "};")


def terms(text):
    w = text.split()
    return w + [a + " " + b for a, b in zip(w, w[1:])]


# ---- TF-IDF: sublinear, smoothed, rows of length 1, terms of two texts at least ----
df = Counter(t for text in texts for t in set(terms(text)))
kept = sorted(t for t in df if df[t] >= 2)
tfidf = np.zeros((len(texts), len(kept)))
for i, text in enumerate(texts):
    for t, n in Counter(terms(text)).items():
        if t in kept:
            idf = log((1 + len(texts)) / (1 + df[t])) + 1
            tfidf[i, kept.index(t)] = (1 + log(n)) * idf
    tfidf[i] /= np.linalg.norm(tfidf[i])
print("/* Made by feature_cases.py. */\n#ifndef FEATURE_CASES_H\n#define FEATURE_CASES_H\n")
print("#include <math.h>\n#include <stdint.h>\n")
print(f"enum {{ TFIDF_N_TEXTS = {len(texts)}, TFIDF_N_TERMS = {len(kept)} }};")
strings("tfidf_text", texts)
strings("tfidf_term", kept)
floats("tfidf_value", tfidf)

# ---- LSA: singular values that stand apart, so that vectors are defined but for sign ----
N, M, K = 24, 17, 5
u, _ = np.linalg.qr(rng.normal(size=(N, M)))
v, _ = np.linalg.qr(rng.normal(size=(M, M)))
dense = u @ np.diag(8.0 * 0.75 ** np.arange(M)) @ v.T
dense[np.abs(dense) < 0.25] = 0
dense = np.float32(dense).astype(float)
_, s, vt = np.linalg.svd(dense)
vectors = vt[:K].T
vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1, 1)
print(f"enum {{ LSA_N = {N}, LSA_M = {M}, LSA_K = {K} }};")
emit("int64_t", "lsa_start", [0] + [int(x) for x in np.cumsum((dense != 0).sum(axis=1))])
emit("int32_t", "lsa_col", [int(c) for row in dense for c in np.flatnonzero(row)])
floats("lsa_value", dense[dense != 0])
floats("lsa_singular", s[:K])
floats("lsa_vector", vectors)

# ---- model 1: every step by the formula, the empty word beside the others ----
pairs = [("bank storm", "lumak midok"), ("bank", "lumak"), ("storm king", "midok sokar"), ("king", "sokar"),
         ("ghost bank", "revak lumak"), ("ghost letter", "revak tasok"), ("letter storm", "tasok midok")]
p, none = {}, {}
for e, z in pairs:
    for b in e.split():
        none[b] = 1e-4
        for a in z.split():
            p[a, b] = 1.0
for _ in range(8):
    seen, seen_none, total = Counter(), Counter(), Counter()
    for e, z in pairs:
        for b in e.split():
            every = none[b] + sum(p[a, b] for a in z.split())
            for a in z.split():
                seen[a, b] += p[a, b] / every
                total[a] += p[a, b] / every
            seen_none[b] += none[b] / every
    p = {k: seen[k] / total[k[0]] for k in p}
    none = {b: x / sum(seen_none.values()) for b, x in seen_none.items()}
likely = sorted((a, b, x) for (a, b), x in p.items() if x > 0.05)
print(f"enum {{ BRIDGE_N_PAIRS = {len(pairs)}, BRIDGE_N_LIKELY = {len(likely)} }};")
strings("bridge_text", [e for e, _ in pairs])
strings("bridge_translation", [z for _, z in pairs])
strings("bridge_from", [a for a, _, _ in likely])
strings("bridge_to", [b for _, b, _ in likely])
floats("bridge_p", [x for _, _, x in likely])
print("\n#endif")
