"""Choices to measure on: a seeded world with a power law, and the ratings of MovieLens-100K."""
import os
import pathlib

import numpy as np
from scipy.sparse import csr_matrix

CACHE = pathlib.Path(os.environ["FORKREEL_CACHE"])


def synthetic(n_viewers, n_films, n_choices, seed=1):
    """Lengths of histories and popularity of films follow power laws; viewers and films fall
    into 40 tastes, and two thirds of what a viewer chooses is of one taste."""
    rng = np.random.default_rng(seed)
    activity = rng.pareto(1.3, n_viewers) + 1
    activity = np.minimum(activity, n_films / 3 / 1.35 * activity.sum() / n_choices)
    popularity = (np.arange(n_films) + 20.0) ** -0.9
    cdf = np.cumsum(popularity / popularity.sum())
    n_draws = int(1.45 * n_choices)
    viewer = np.searchsorted(np.cumsum(activity / activity.sum()), rng.random(n_draws))
    viewer = np.minimum(viewer, n_viewers - 1)
    film = np.minimum(np.searchsorted(cdf, rng.random(n_draws)), n_films - 1)
    # Films of taste t stand at places t, t + 40, ...: moving to the viewer's own taste keeps
    # the popularity of the place.
    is_taste = rng.random(n_draws) < 0.65
    film = np.where(is_taste, film // 40 * 40 + viewer % 40, film)
    film = np.minimum(film, n_films - 1)
    film = rng.permutation(n_films)[film]
    key = np.unique(viewer.astype(np.int64) * n_films + film)
    if len(key) < n_choices:
        raise SystemExit(f"matrices: only {len(key)} different choices of {n_choices}")
    key = np.sort(rng.choice(key, n_choices, replace=False, shuffle=False))
    return csr_matrix((np.ones(n_choices, np.float32), (key // n_films, key % n_films)),
                      shape=(n_viewers, n_films))


def write(m, path):
    m.sort_indices()
    with open(path, "wb") as out:
        np.array([m.shape[0], m.shape[1], m.nnz], np.int64).tofile(out)
        m.indptr.astype(np.int64).tofile(out)
        m.indices.astype(np.int32).tofile(out)


def read(path):
    with open(path, "rb") as source:
        rows, cols, n = np.fromfile(source, np.int64, 3)
        start = np.fromfile(source, np.int64, rows + 1)
        col = np.fromfile(source, np.int32, n)
    return csr_matrix((np.ones(n, np.float32), col, start), shape=(rows, cols))


def kept(n_viewers, n_films, n_choices):
    """Path of a synthetic matrix, made at the first call."""
    folder = CACHE / "bench-data"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"power-{n_viewers}-{n_films}-{n_choices}.bin"
    if not path.exists():
        part = path.with_suffix(".part")
        write(synthetic(n_viewers, n_films, n_choices), part)
        part.rename(path)
    return path


def movielens():
    """(viewer, film, stars, time) of MovieLens-100K as strings and numbers."""
    lines = (CACHE / "ml-100k" / "ml-100k.inter").read_text().splitlines()[1:]
    return [(v, f, float(s), float(t)) for v, f, s, t in (line.split("\t") for line in lines)]
