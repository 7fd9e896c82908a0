#!/usr/bin/env python3
"""Write model_cases.h: what models must compute, by NumPy in double precision.

    python3 model_cases.py | clang-format --assume-filename=x.h > model_cases.h
    (needs numpy; the output is stored)

Dense matrices and closed forms only: no code is shared with src/models, and every film and
viewer is treated by the formula of the paper, not by a fast way to it.
"""
import numpy as np

from emit import emit

rng = np.random.default_rng(20081215)
N_VIEWERS, N_FILMS, K = 13, 9, 16
X = (rng.random((N_VIEWERS, N_FILMS)) < 0.4).astype(float)
X[0] = 0
X[0, 3] = 1
X[:, 8] = 0                     # a film that nobody chose
X[X.sum(axis=1) == 0, 2] = 1
V = X * np.round(rng.uniform(0.5, 3, X.shape) * 8) / 8


def csr(name, dense):
    start = np.concatenate([[0], np.cumsum((dense > 0).sum(axis=1))])
    emit("int64_t", name + "_start", [int(s) for s in start])
    emit("int32_t", name + "_col", [int(c) for row in dense for c in np.flatnonzero(row)])
    emit("float", name + "_value", [float(v) for row in dense for v in row[row > 0]])


def floats(name, a):
    emit("float", name, [float(np.float32(v)) for v in np.ravel(a)])


def als_rows(chosen, fixed, weighting, alpha, reg, nu):
    """Hu et al. 2008 eq. 4 and Rendle et al. 2021 eq. 5, row by row."""
    out = np.zeros((len(chosen), K))
    for u, v in enumerate(chosen):
        if not v.any():
            continue
        if weighting == "confidence":
            c = np.where(v > 0, alpha * v, 1.0)
            a = fixed.T @ np.diag(c) @ fixed + reg * np.eye(K)
            b = fixed.T @ (c * (v > 0))
        else:
            pull = reg * ((v > 0).sum() + alpha * len(fixed)) ** nu
            a = fixed.T @ np.diag(v) @ fixed + alpha * fixed.T @ fixed + pull * np.eye(K)
            b = fixed.T @ v
        out[u] = np.linalg.solve(a, b)
    return out


def ease(chosen, reg):
    p = np.linalg.inv(chosen.T @ chosen + reg * np.eye(chosen.shape[1]))
    b = p / -np.diag(p)
    np.fill_diagonal(b, 0)
    return chosen @ b


def ease_near(chosen, at, reg, near, share):
    """EASE whose co-occurrences count 1 - share + share exp(-apart / near)."""
    gram = np.zeros((chosen.shape[1],) * 2)
    for v, t in zip(chosen, at):
        gram += np.outer(v, v) * (1 - share + share * np.exp(-abs(t[:, None] - t) / near))
    p = np.linalg.inv(gram + reg * np.eye(len(gram)))
    b = p / -np.diag(p)
    np.fill_diagonal(b, 0)
    return chosen @ b


def similarity(rows, shrink):
    length = np.sqrt((rows ** 2).sum(axis=1))
    return rows @ rows.T / (np.outer(length, length) + shrink + 1e-300)


def nearest(s, k):
    """Each row keeps its k largest positive entries; ties go to the lower index."""
    out = np.zeros_like(s)
    for r in range(len(s)):
        best = [i for i in np.argsort(-s[r], kind="stable") if s[r, i] > 0][:k]
        out[r, best] = s[r, best]
    return out


def item_knn(chosen, k, shrink):
    s = similarity(chosen.T, shrink)
    np.fill_diagonal(s, 0)
    return chosen @ nearest(s, k).T


def user_knn(chosen, k, shrink):
    return nearest(similarity(chosen, shrink), k) @ chosen


def bpr_steps(u, vi, vj, rate, l2, n):
    """Rendle et al. 2009: gradient of ln sigma(x_uij) minus the pull, n steps; the last place
    is the bias of a film, against which u has a fixed 1."""
    for _ in range(n):
        g = 1 / (1 + np.exp(u @ (vi - vj)))
        step = rate * (g * (vi - vj) - l2 * u)
        step[-1] = 0
        u, vi, vj = (u + step, vi + rate * (g * u - l2 * vi), vj + rate * (-g * u - l2 * vj))
    return np.concatenate([u, vi, vj])


def popularity(chosen, age_days, half_life_days):
    return ((chosen > 0) * 0.5 ** (age_days / half_life_days)).sum(axis=0)


if __name__ == "__main__":
    print("// Written by model_cases.py; do not edit.\n#include <stdint.h>\n")
    print(f"enum {{ N_VIEWERS = {N_VIEWERS}, N_FILMS = {N_FILMS}, K = {K} }};")
    csr("ones", X)
    csr("valued", V)
    fixed = rng.normal(0, 0.4, (N_FILMS, K)).astype(np.float32).astype(float)
    floats("fixed", fixed)
    floats("als_confidence", als_rows(V, fixed, "confidence", 4.0, 0.7, 0))
    floats("als_confidence_ones", als_rows(X, fixed, "confidence", 4.0, 0.7, 0))
    floats("als_frequency", als_rows(V, fixed, "frequency", 0.3, 0.05, 0.8))
    floats("ease_scores", ease(V, 2.5))
    floats("item_scores", item_knn(V, 4, 0.5))
    floats("item_scores_ones", item_knn(X, 3, 0))
    floats("user_scores", user_knn(V, 5, 1.25))
    floats("user_scores_ones", user_knn(X, 100, 0))
    bpr = rng.normal(0, 0.5, (3, K)).astype(np.float32).astype(float)
    bpr[0, -1] = 1
    floats("bpr_before", bpr)
    floats("bpr_after", bpr_steps(*bpr, 0.05, 0.1, 3))
    age = np.where(X > 0, rng.integers(0, 500, X.shape), 0)
    age[0, 3] = 0               # the latest choice: ages count from it
    emit("int64_t", "age_days", [int(a) for row, ages in zip(X, age) for a in ages[row > 0]])
    floats("popularity_scores", popularity(X, age, 90.0))
    floats("ease_near_scores", ease_near(V, age, 2.5, 40.0, 0.6))
    order = np.where(X > 0, age, -1).argsort(axis=1, kind="stable")  # oldest last
    place = -order.argsort(axis=1, kind="stable").astype(float)
    floats("ease_place_scores", ease_near(V, place, 2.5, 3.0, 1.0))
