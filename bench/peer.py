"""One job of one peer in a process of its own; prints one line of JSON.

    peer.py implicit-als MATRIX SOLVER ITERATIONS     peer.py irspack-als MATRIX SOLVER ITERATIONS
    peer.py implicit-top MATRIX ITERATIONS VIEWERS N  peer.py numpy-ease MATRIX LAMBDA
    peer.py implicit-fold MATRIX ITERATIONS EVENTS RUNS
    peer.py numpy-taste - N_PLACE RUNS
    peer.py pandas-import CSV DATABASE                peer.py run PROGRAM ARGUMENT...
    peer.py transformers-generate MODEL TEXT SIBLINGS TOKENS REPEATS
"""
import json
import re
import subprocess
import sys
import time

import numpy as np

FACTORS, ALPHA, REGULARIZATION = 64, 5.0, 1.0


def peak_mib(process="self"):
    """Not ru_maxrss: that one remembers the process which started this one."""
    with open(f"/proc/{process}/status") as status:
        return int(re.search(r"VmHWM:\s*(\d+)", status.read())[1]) / 1024


def say(**values):
    values.setdefault("peak_mib", peak_mib())
    print(json.dumps(values))


def implicit_model(choices, solver, iterations):
    from implicit.als import AlternatingLeastSquares
    model = AlternatingLeastSquares(factors=FACTORS, alpha=ALPHA, regularization=REGULARIZATION,
                                    iterations=iterations, use_cg=solver == "cg", num_threads=1,
                                    random_state=1)
    seconds = []
    model.fit(choices, show_progress=False, callback=lambda i, s, *loss: seconds.append(s))
    return model, seconds


def confidence_loss(choices, x, y):
    """Hu et al. 2008, eq. 3, in double precision."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    total = ((x.T @ x) * (y.T @ y)).sum() + REGULARIZATION * ((x ** 2).sum() + (y ** 2).sum())
    row = np.repeat(np.arange(choices.shape[0]), np.diff(choices.indptr))
    for i in range(0, choices.nnz, 1_000_000):
        s = np.einsum("ij,ij->i", x[row[i:i + 1_000_000]], y[choices.indices[i:i + 1_000_000]])
        total += ((ALPHA - 1) * s * s - 2 * ALPHA * s + ALPHA).sum()
    return total


def frequency_loss(choices, x, y, alpha0, pull):
    """Rendle et al. 2021, eq. 3 with nu = 1, in double precision."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    n_x, n_y = np.diff(choices.indptr), np.bincount(choices.indices, minlength=len(y))
    total = alpha0 * ((x.T @ x) * (y.T @ y)).sum()
    total += pull * ((n_x + alpha0 * len(y)) * (x ** 2).sum(axis=1)).sum()
    total += pull * ((n_y + alpha0 * len(x)) * (y ** 2).sum(axis=1)).sum()
    row = np.repeat(np.arange(choices.shape[0]), n_x)
    for i in range(0, choices.nnz, 1_000_000):
        s = np.einsum("ij,ij->i", x[row[i:i + 1_000_000]], y[choices.indices[i:i + 1_000_000]])
        total += ((s - 1) ** 2).sum()
    return total


def watch(words):
    """Any program: its seconds, and its peak as last seen twenty times a second."""
    begin, peak = time.perf_counter(), 0.0
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while child.poll() is None:
        try:
            peak = max(peak, peak_mib(child.pid))
        except (OSError, TypeError):
            pass                # it ended between the two looks
        time.sleep(0.05)
    if child.returncode != 0:
        raise SystemExit(child.stderr.read().decode())
    say(seconds=time.perf_counter() - begin, peak_mib=peak)


def main(job, path, *rest):
    if job == "run":
        watch([path, *rest])
        return
    from matrices import read
    if job == "implicit-als":
        choices = read(path)
        model, seconds = implicit_model(choices, rest[0], int(rest[1]))
        peak = peak_mib()
        loss = confidence_loss(choices, model.user_factors, model.item_factors)
        say(median_iteration=float(np.median(seconds)), loss=loss, training_peak_mib=peak)
    elif job == "irspack-als":
        from irspack.recommenders import IALSRecommender
        choices, seconds = read(path), []
        alpha0, pull, iterations = 1 / (ALPHA - 1), 1e-3, int(rest[1])
        model = IALSRecommender(choices, n_components=FACTORS, alpha0=alpha0, reg=pull, nu=1.0,
                                n_threads=1, solver_type=rest[0].upper())
        model.start_learning()
        for _ in range(iterations):
            begin = time.perf_counter()
            model.run_epoch()
            seconds.append(time.perf_counter() - begin)
        peak = peak_mib()
        say(median_iteration=float(np.median(seconds)), training_peak_mib=peak,
            loss=frequency_loss(choices, model.get_user_embedding(), model.get_item_embedding(),
                                alpha0, pull))
    elif job == "implicit-top":
        choices = read(path)
        model, _ = implicit_model(choices, "cg", int(rest[0]))
        n_viewers, n = int(rest[1]), int(rest[2])
        rows, known, together, single = np.arange(n_viewers), choices[:n_viewers], [], []
        for _ in range(5):
            begin = time.perf_counter()
            model.recommend(rows, known, N=n, filter_already_liked_items=True)
            together.append(time.perf_counter() - begin)
        one = [choices[i] for i in range(min(n_viewers, 10000))]
        for i, liked in enumerate(one):
            begin = time.perf_counter()
            model.recommend(i, liked, N=n, filter_already_liked_items=True)
            single.append(time.perf_counter() - begin)
        say(together_seconds=min(together), single_p50_ms=float(np.percentile(single, 50) * 1e3),
            single_p99_ms=float(np.percentile(single, 99) * 1e3))
    elif job == "implicit-fold":
        from scipy.sparse import csr_matrix
        choices = read(path)
        model, _ = implicit_model(choices, "cg", int(rest[0]))
        rng, n_events, milliseconds = np.random.default_rng(1), int(rest[1]), []
        model.recalculate_user(0, choices[0])  # the Gram matrix is made once
        for _ in range(int(rest[2])):
            films = np.sort(rng.choice(choices.shape[1], n_events, replace=False))
            history = csr_matrix((np.ones(n_events, np.float32),
                                  (np.zeros(n_events, np.int32), films)),
                                 shape=(1, choices.shape[1]))
            begin = time.perf_counter()
            model.recalculate_user(0, history)
            milliseconds.append((time.perf_counter() - begin) * 1e3)
        say(p50_ms=float(np.percentile(milliseconds, 50)),
            p99_ms=float(np.percentile(milliseconds, 99)))
    elif job == "numpy-ease":
        choices = read(path)
        begin = time.perf_counter()
        gram = (choices.T @ choices).toarray()
        gram[np.diag_indices_from(gram)] += np.float32(rest[0])
        counted = time.perf_counter()
        p = np.linalg.inv(gram)
        inverted = time.perf_counter()
        b = p / -np.diag(p)
        np.fill_diagonal(b, 0)
        say(seconds=time.perf_counter() - begin, inverse_seconds=inverted - counted,
            dtype=str(b.dtype))
    elif job == "numpy-taste":
        n_place, runs = int(rest[0]), int(rest[1])
        rng, milliseconds = np.random.default_rng(1), []
        place = rng.standard_normal((1000, n_place), np.float32)
        viewer = rng.standard_normal((n_place, 2), np.float32)
        for _ in range(runs):
            begin = time.perf_counter()
            score, logit = (place @ viewer).T
            1 / (1 + np.exp(-logit))
            milliseconds.append((time.perf_counter() - begin) * 1e3)
        say(p50_ms=float(np.percentile(milliseconds, 50)))
    elif job == "pandas-import":
        import sqlite3

        import pandas
        begin = time.perf_counter()
        frame = pandas.read_csv(path)
        with sqlite3.connect(rest[0]) as database:
            frame.to_sql("ratings", database, index=False)
        say(seconds=time.perf_counter() - begin, rows=len(frame))
    elif job == "transformers-generate":
        import pathlib
        import statistics

        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        torch.set_num_threads(1)
        model_path, (text_path, n_siblings, n_tokens, repeats) = pathlib.Path(path), rest
        where = {"pretrained_model_name_or_path": str(model_path.parent),
                 "gguf_file": model_path.name, "local_files_only": True}
        model = AutoModelForCausalLM.from_pretrained(torch_dtype=torch.float32, **where).eval()
        question = AutoTokenizer.from_pretrained(**where)(pathlib.Path(text_path).read_text(),
                                                          return_tensors="pt")
        seconds = []
        for _ in range(int(repeats)):
            begin = time.perf_counter()
            with torch.no_grad():
                model.generate(**question, do_sample=True, temperature=0.8, top_k=40,
                               num_return_sequences=int(n_siblings), pad_token_id=0,
                               max_new_tokens=int(n_tokens), min_new_tokens=int(n_tokens))
            seconds.append(time.perf_counter() - begin)
        say(seconds=statistics.median(seconds), n_read=question.input_ids.shape[1])
    else:
        raise SystemExit(f"peer: no job {job}")


if __name__ == "__main__":
    main(*sys.argv[1:])
