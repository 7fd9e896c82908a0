#!/usr/bin/env python3
"""Write branch_cases.h: verdicts and tastes of texts computed with NumPy.

    python3 branch_cases.py > branch_cases.h      (needs numpy; the output is stored)

The formulas are those in the heads of rank_verdict.c and rank_branch.c, on dense matrices.
"""
import numpy as np

from emit import emit

# ---- verdicts ----


def damped(values, damp):
    return sum(values) / (damp + len(values))


def verdict(stars, genres, people, u, i):
    n_viewers, n_films = stars.shape
    mean = np.nanmean(stars)
    b_i = np.array([damped([r - mean for r in col if not np.isnan(r)], 5) for col in stars.T])
    b_u = np.array([damped([stars[v, j] - mean - b_i[j] for j in range(n_films)
                            if not np.isnan(stars[v, j])], 5) for v in range(n_viewers)])
    e = stars - mean - b_i[None] - b_u[:, None]
    near = []
    for j in range(n_films):
        if j == i or np.isnan(stars[u, j]):
            continue
        both = [v for v in range(n_viewers)
                if v != u and not np.isnan(stars[v, i]) and not np.isnan(stars[v, j])]
        x, y = e[both, i], e[both, j]
        length = np.sqrt((x @ x) * (y @ y))
        s = (x @ y) / length * len(both) / (len(both) + 50) if length > 0 else 0
        if s > 0:
            near.append((s, j))
    near = sorted(near, key=lambda p: (-p[0], p[1]))[:30]
    total = sum(s for s, _ in near) + 0.5
    value = mean + b_u[u] + b_i[i] + sum(s * e[u, j] for s, j in near) / total
    for traits in (genres, people):
        mine = np.flatnonzero(traits[i])
        for t in mine:
            others = [e[u, j] for j in range(n_films)
                      if j != i and traits[j, t] and not np.isnan(stars[u, j])]
            value += 0.7 / len(mine) * damped(others, 4)
    return float(np.clip(value, 0.5, 5))


def verdict_case():
    rng = np.random.default_rng(4)
    n_viewers, n_films, n_genres, n_people = 40, 12, 4, 5
    taste = rng.normal(size=(n_viewers, 2)) @ rng.normal(size=(2, n_films))
    stars = np.clip(np.round(2 * (3.4 + taste + rng.normal(scale=.4, size=taste.shape))) / 2,
                    .5, 5)
    stars[rng.random(stars.shape) < .4] = np.nan
    seen = ~np.isnan(stars) | (rng.random(stars.shape) < .1)   # some were only watched
    genres = rng.random((n_films, n_genres)) < .4
    people = rng.random((n_films, n_people)) < .3
    start = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
    emit("int64_t", "verdict_start", [int(s) for s in start])
    emit("int32_t", "verdict_col", [int(c) for row in seen for c in np.flatnonzero(row)])
    emit("float", "verdict_stars",
         [float(stars[v, j]) for v in range(n_viewers) for j in np.flatnonzero(seen[v])])
    for name, m in (("genre", genres), ("person", people)):
        emit("int64_t", f"verdict_{name}_start",
             [int(s) for s in np.concatenate([[0], np.cumsum(m.sum(axis=1))])])
        emit("int32_t", f"verdict_{name}_col", [int(c) for row in m for c in np.flatnonzero(row)])
    pairs = [(u, i) for u in range(0, n_viewers, 3) for i in range(n_films)]
    emit("int32_t", "verdict_viewer", [u for u, _ in pairs])
    emit("int32_t", "verdict_film", [i for _, i in pairs])
    emit("double", "verdict_expected", [verdict(stars, genres, people, u, i) for u, i in pairs])


# ---- tastes ----

DOCUMENTS = [
    ("the detective finds the stolen letter in the harbour", 1),
    ("a thief returns the letter and the detective forgives him", 1),
    ("two lovers part at the station in the rain", -1),
    ("the old king loses his crown", 0), ("a ghost walks the castle at night", 0),
    ("the pilot lands on a distant planet", 0), ("a robot learns to lie", 0),
    ("soldiers hold the bridge until dawn", 0), ("the singer forgets the song", 0),
    ("a boy hides a letter from his father", 0), ("the train leaves the station late", 0),
    ("a detective retires to the sea", 0), ("the queen forgives the thief", 0),
    ("rain falls on the harbour for a week", 0),
]
BRANCHES = [("the detective steals the letter back", "Crime, Thriller"),
            ("the lovers meet in the rain at the station", "Romance"),
            ("nothing here was ever said before", ""), ("the robot sings to the king", "Sci-Fi")]
LIFT = {"Crime": 0.9, "Romance": -2.5, "Thriller": 0.3}


def words(text):
    return [w for w in text.split() if len(w) > 1]


def taste_case():
    docs = [words(t) for t, _ in DOCUMENTS]
    vocabulary = sorted({w for d in docs for w in d})
    at = {w: k for k, w in enumerate(vocabulary)}
    df = np.array([sum(w in d for d in docs) for w in vocabulary])
    idf = np.log((1 + len(docs)) / (1 + df))

    def vector(ws):
        v = np.zeros(len(vocabulary))
        for w in set(ws) & set(vocabulary):
            v[at[w]] = (1 + np.log(ws.count(w))) * idf[at[w]]
        return v / (np.linalg.norm(v) or 1)

    rows = np.array([vector(d) for d in docs])
    liked = np.array([l for _, l in DOCUMENTS])
    profile = rows[liked > 0].mean(axis=0) - rows[liked < 0].mean(axis=0) / 2
    unknown = rows[liked == 0] @ profile
    for text, genres in BRANCHES:
        z = np.clip((vector(words(text)) @ profile - unknown.mean()) / unknown.std(), -2.5, 2.5)
        lifts = [np.clip(LIFT[g], -1.5, 1.5) for g in genres.split(", ") if g in LIFT]
        x = .5 * z + .6 * (np.mean(lifts) if lifts else 0)
        yield float(1 / (1 + np.exp(-x)))


def text_table(name, values):
    body = "".join(f'    "{v}",\n' for v in values)
    print(f"static const char *const {name}[] = {{\n{body}}};")


print("// Written by branch_cases.py; do not edit.\n#ifndef BRANCH_CASES_H\n#define BRANCH_CASES_H\n"
      "\n#include <math.h>\n#include <stdint.h>\n\n// clang-format off")
verdict_case()
text_table("taste_document", [t for t, _ in DOCUMENTS])
emit("double", "taste_liked", [float(l) for _, l in DOCUMENTS])
text_table("taste_branch", [t for t, _ in BRANCHES])
text_table("taste_branch_genres", [g for _, g in BRANCHES])
text_table("taste_genre", list(LIFT))
emit("double", "taste_lift", [float(v) for v in LIFT.values()])
emit("double", "taste_expected", list(taste_case()))
print("// clang-format on\n#endif")
