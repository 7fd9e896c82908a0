"""Run the comparisons of bench/README.md and print ratios."""
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import finetune
import fork
import matrices
import ngram
import text

HERE = pathlib.Path(__file__).parent
FORKREEL, OURS = os.environ["FORKREEL"], os.environ["BENCH_MODELS"]
REPEATS = int(os.environ.get("REPEATS", 5))
SCALE = float(os.environ.get("BENCH_SCALE", 1))
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run(*words):
    """One process; its last line of JSON, with the seconds of the whole process."""
    environment = dict(os.environ, **ONE_THREAD)
    begin = time.perf_counter()
    done = subprocess.run([str(w) for w in words], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, words))}\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    said["process_seconds"] = time.perf_counter() - begin
    return said


def peer(*words):
    return run(sys.executable, HERE / "peer.py", *words)


def ours(*words):
    return run(OURS, *words)


def median(runs, name):
    return statistics.median(r[name] for r in runs)


def repeated(*jobs):
    """Each job REPEATS times, taking turns, so that a slow minute hits all of them."""
    runs = [[] for _ in jobs]
    for _ in range(REPEATS):
        for place, job in enumerate(jobs):
            runs[place].append(job())
    return runs


def title(text):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def line(text, ratio, goal, more=""):
    mark = "ok  " if ratio >= goal else "MISS"
    print(f"  {mark} {text:<58} {ratio:6.2f} x  (goal {goal:g}){more}", flush=True)


# ---------------------------------------------------------------- speed of models

def big():
    return matrices.kept(int(200_000 * SCALE), 30_000, int(10_000_000 * SCALE))


def bench_als():
    title("ALS, 64 factors, one core, one iteration")
    path = big()
    for solver in ("cg", "cholesky"):
        hu = f"factors=64 iterations=5 alpha=5 regularization=1 solver={solver}"
        frequency = ("factors=64 iterations=5 weighting=frequency alpha=0.25 "
                     f"regularization=0.001 exponent=1 solver={solver}")
        jobs = [lambda: ours(path, "train", "als", hu, 1),
                lambda: peer("implicit-als", path, solver, 5),
                lambda: ours(path, "train", "als", frequency, 1),
                lambda: peer("irspack-als", path, solver, 5)]
        mine, implicit, mine_frequency, irspack = repeated(*jobs)
        for name, a, b, goal in (("implicit", mine, implicit, 2 if solver == "cg" else 4),
                                 ("irspack", mine_frequency, irspack, 1)):
            ratio = median(b, "median_iteration") / median(a, "median_iteration")
            losses = f"  loss {median(a, 'loss'):.6g} against {median(b, 'loss'):.6g}"
            line(f"{solver}: seconds of {name} / ours", ratio, goal, losses)
        line(f"{solver}: peak memory of implicit / ours",
             median(implicit, "training_peak_mib") / median(mine, "peak_mib"), 1,
             f"  {median(implicit, 'training_peak_mib'):.0f} MiB / "
             f"{median(mine, 'peak_mib'):.0f} MiB")
    for solver in ("cg", "cholesky"):
        settings = f"factors=64 iterations=5 alpha=5 regularization=1 solver={solver}"
        one, two = repeated(lambda: ours(path, "train", "als", settings, 1),
                            lambda: ours(path, "train", "als", settings, 2))
        line(f"{solver}: one core / two cores",
             median(one, "median_iteration") / median(two, "median_iteration"), 1.8)


def bench_top():
    title("Ten films for 10,000 viewers, what they know left out, one core")
    path = big()
    n_viewers = int(10_000 * min(1, SCALE * 10))
    settings = "factors=64 iterations=5 alpha=5 regularization=1 solver=cg"
    mine, implicit = repeated(lambda: ours(path, "top", settings, n_viewers, 10, 1),
                              lambda: peer("implicit-top", path, 5, n_viewers, 10))
    for name, text, goal in (("together_seconds", "all together: implicit / ours", 2),
                             ("single_p50_ms", "one viewer, p50: implicit / ours", 2),
                             ("single_p99_ms", "one viewer, p99: implicit / ours", 2)):
        line(text, median(implicit, name) / median(mine, name), goal)


def bench_fold():
    title("A viewer of 1,000 events solved anew, 64 factors, one core")
    path = matrices.kept(int(100_000 * SCALE), 10_000, int(3_000_000 * SCALE))
    settings = "factors=64 iterations=3 alpha=5 regularization=1 solver=cg"
    mine, implicit = repeated(lambda: ours(path, "fold", settings, 1000, 1000),
                              lambda: peer("implicit-fold", path, 3, 1000, 1000))
    for name, text in (("p50_ms", "p50"), ("p99_ms", "p99")):
        line(f"5 ms / ours, {text}", 5 / median(mine, name), 1,
             f"  ours {median(mine, name):.3f} ms, with all films scored "
             f"{median(mine, 'list_' + name):.3f} ms")
        line(f"implicit's recalculate_user / ours, {text}",
             median(implicit, name) / median(mine, name), 1,
             f"  {median(implicit, name):.3f} ms")


def bench_ease():
    title("EASE on 10,000 films, one core")
    path = matrices.kept(int(100_000 * SCALE), 10_000, int(3_000_000 * SCALE))
    mine, numpy_ = repeated(lambda: ours(path, "train", "ease", "regularization=500", 1),
                            lambda: peer("numpy-ease", path, 500))
    line("NumPy's inverse alone / ours with everything",
         median(numpy_, "inverse_seconds") / median(mine, "seconds"), 1)
    line("peak memory of NumPy / ours", median(numpy_, "peak_mib") / median(mine, "peak_mib"), 2,
         f"  {median(numpy_, 'peak_mib'):.0f} MiB / {median(mine, 'peak_mib'):.0f} MiB")


# ---------------------------------------------------------------- import

def bench_import():
    title("ratings.csv of 10 million rows into SQLite, whole process")
    path = matrices.CACHE / "bench-data" / f"ratings-{int(10_000_000 * SCALE)}.csv"
    if not path.exists():
        choices = matrices.read(big())
        rng = np.random.default_rng(2)
        row = np.repeat(np.arange(choices.shape[0]), np.diff(choices.indptr))
        part = path.with_suffix(".part")
        with open(part, "w") as out:
            out.write("userId,movieId,rating,timestamp\n")
            for i in range(0, choices.nnz, 500_000):
                stars = rng.integers(1, 11, min(500_000, choices.nnz - i)) / 2
                when = rng.integers(820_454_400, 1_600_000_000, len(stars))
                out.write("".join(f"{u + 1},{f + 1},{s},{t}\n" for u, f, s, t in
                                  zip(row[i:i + 500_000], choices.indices[i:i + 500_000],
                                      stars, when)))
        part.rename(path)

    def forkreel():
        with tempfile.TemporaryDirectory(dir=path.parent) as home:
            return peer("run", FORKREEL, "--home", home, "--threads", "1", "import", "csv", path)

    def pandas():
        with tempfile.TemporaryDirectory(dir=path.parent) as home:
            return peer("pandas-import", path, pathlib.Path(home) / "ratings.db")

    mine, theirs = repeated(forkreel, pandas)
    line("seconds of pandas and to_sql / ours", median(theirs, "process_seconds") /
         median(mine, "seconds"), 3, f"  {median(theirs, 'process_seconds'):.1f} s / "
         f"{median(mine, 'seconds'):.1f} s")
    line("peak memory of pandas / ours", median(theirs, "peak_mib") / median(mine, "peak_mib"), 1,
         f"  {median(theirs, 'peak_mib'):.0f} MiB / {median(mine, 'peak_mib'):.0f} MiB")


# ---------------------------------------------------------------- quality

def split_of_ours(seed=42):
    """80/10/10 of the choices of every viewer of MovieLens-100K with four stars and more."""
    rng = np.random.default_rng(seed)
    by_viewer = {}
    for viewer, film, stars, _ in matrices.movielens():
        if stars >= 4:
            by_viewer.setdefault(viewer, []).append(film)
    parts = {"train": [], "validation": [], "test": []}
    for viewer, films in by_viewer.items():
        films = np.array(films)
        rng.shuffle(films)
        n = int(round(len(films) * 0.1))
        for name, some in (("test", films[:n]), ("validation", films[n:2 * n]),
                           ("train", films[2 * n:])):
            parts[name] += [(viewer, str(film)) for film in some]
    return parts


def ndcg(lists, test, n=10):
    """Mean over viewers with test films; `lists` are film ids, best first."""
    gain = 1 / np.log2(np.arange(2, n + 2))
    relevant, scores = {}, []
    for viewer, film in test:
        relevant.setdefault(viewer, set()).add(film)
    for viewer, films in relevant.items():
        got = sum(g for g, film in zip(gain, lists.get(viewer, [])[:n]) if film in films)
        scores.append(got / gain[:min(n, len(films))].sum())
    return float(np.mean(scores))


def lists_of_scores(scores, train, viewers, films, n=10):
    scores = np.where(train > 0, -np.inf, scores)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return {v: [films[i] for i in best[u]] for u, v in enumerate(viewers)}


def nearest(s, k):
    out = np.zeros_like(s)
    best = np.argsort(-s, axis=1, kind="stable")[:, :k]
    np.put_along_axis(out, best, np.take_along_axis(s, best, axis=1), axis=1)
    return out


def cosine(rows):
    length = np.sqrt((rows ** 2).sum(axis=1)) + 1e-9
    return rows @ rows.T / np.outer(length, length)


def peers_of_quality(parts):
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    viewers = sorted({v for v, _ in parts["train"]})
    films = sorted({f for _, f in parts["train"]})
    u, i = {v: n for n, v in enumerate(viewers)}, {f: n for n, f in enumerate(films)}
    x = np.zeros((len(viewers), len(films)), np.float32)
    for v, f in parts["train"]:
        x[u[v], i[f]] = 1
    model = AlternatingLeastSquares(factors=64, alpha=5, regularization=30, iterations=15,
                                    num_threads=1, random_state=1)
    model.fit(csr_matrix(x), show_progress=False)
    p = np.linalg.inv(x.T @ x + 200 * np.eye(len(films)))
    b = p / -np.diag(p)
    np.fill_diagonal(b, 0)
    items = cosine(x.T)
    np.fill_diagonal(items, 0)
    scores = {
        "als": model.user_factors @ model.item_factors.T,
        "ease": x @ b,
        "item-knn": x @ nearest(items, 200).T,
        "user-knn": nearest(cosine(x), 100) @ x,
        "popularity": np.tile(x.sum(axis=0), (len(viewers), 1)),
    }
    return {name: lists_of_scores(s, x, viewers, films) for name, s in scores.items()}


def lists_of_ours(parts, models):
    """Somebody else's split through the program: import csv, train, recommend --all."""
    with tempfile.TemporaryDirectory() as folder:
        home, table = pathlib.Path(folder), pathlib.Path(folder) / "train.csv"
        table.write_text("viewer,film,rating\n" +
                         "".join(f"{v},{f},5\n" for v, f in parts["train"]))
        program = [FORKREEL, "--home", str(home)]
        subprocess.run([*program, "import", "csv", str(table)], check=True, capture_output=True)
        lists = {}
        for model in models:
            subprocess.run([*program, "train", "--model", model], check=True,
                           capture_output=True)
            out = home / "lists.tsv"
            subprocess.run([*program, "recommend", "--all", "-n", "10", "--model", model, "--tsv",
                            str(out)], check=True, capture_output=True)
            lists[model] = {}
            for row in out.read_text().splitlines():
                viewer, _, film, _ = row.split("\t")
                lists[model].setdefault(viewer, []).append(film)
        return lists


def bench_quality():
    title("NDCG@10 on MovieLens-100K, the same random split, fitted on train only")
    for seed in (42, 43, 44):
        parts = split_of_ours(seed)
        theirs = peers_of_quality(parts)
        mine = lists_of_ours(parts, list(theirs) + ["bpr"])
        for name in mine:
            here = ndcg(mine[name], parts["test"])
            if name not in theirs:
                print(f"       split {seed} {name:<12} {here:.4f}")
                continue
            there = ndcg(theirs[name], parts["test"])
            mark = "ok  " if here >= there - 0.002 else "MISS"
            print(f"  {mark} split {seed} {name:<12} {here:.4f}   peer {there:.4f}"
                  f"   difference {here - there:+.4f}  (goal -.002)", flush=True)


# ---------------------------------------------------------------- branches

def fork_ours(*words):
    """A run of ours in which no sample ended by itself, so that both sides write as much."""
    for seed in range(1, 30):
        said = run(*fork.ON_ONE_CORE, os.environ["BENCH_FORK"], fork.MODEL,
                   *[seed if word == "SEED" else word for word in words])
        if said["n_written"] == said.get("n_written_again", said["n_written"]) >= said["n_wanted"]:
            return said
    raise SystemExit("bench: every seed gave a sample that ended early")


def bench_fork():
    title("256 tokens read, 8 x 32 written, one core, the default model as downloaded")
    n_siblings, n_tokens = 8, 32
    with tempfile.TemporaryDirectory() as folder:
        trunk = pathlib.Path(folder) / "trunk.txt"
        server = fork.Server("-np", str(n_siblings), "-kvu")
        tokens = server.tokens(fork.TRUNK)[:256]
        trunk.write_text(server.text(tokens))
        assert len(server.tokens(trunk.read_text())) == 256
        seed = iter(range(1000))
        mine, theirs = repeated(
            lambda: fork_ours("request", trunk, n_siblings, n_tokens, "SEED"),
            lambda: {"seconds": server.siblings(trunk.read_text(), n_siblings, n_tokens,
                                                next(seed))})
        halves = []
        whole = server.tokens(fork.films_text())[:8 * 512]
        for i in range(0, len(whole), 256):
            halves.append(pathlib.Path(folder) / f"half{i}.txt")
            halves[-1].write_text(server.text(whole[i:i + 256]))
        (pathlib.Path(folder) / "films.txt").write_text(server.text(whole))
        server.close()
        line("whole request: llama-server n=8 / ours", median(theirs, "seconds") /
             median(mine, "seconds"), 1.8)
        size = fork.MODEL.stat().st_size / 2 ** 20
        line("peak memory allowed (file + 350 MiB) / ours",
             (size + 350) / median(mine, "peak_mib"), 1,
             f"  {median(mine, 'peak_mib'):.0f} MiB, the file has {size:.0f}")
        ours_rate = n_siblings * n_tokens / median(mine, "write_seconds")
        line("tokens written in a second: ours / llama-batched-bench",
             ours_rate / statistics.median(fork.batched_bench(256, n_tokens, n_siblings)
                                           for _ in range(REPEATS)), 0.95)
        said = run(*fork.ON_ONE_CORE, os.environ["BENCH_FORK"], fork.MODEL, "perplexity", *halves)
        line("perplexity allowed (llama-perplexity + 2 %) / ours",
             1.02 * fork.llama_perplexity(pathlib.Path(folder) / "films.txt", 512) /
             said["perplexity"], 1, f"  ours {said['perplexity']:.3f}")
        generate = peer("transformers-generate", fork.MODEL, trunk, n_siblings, n_tokens, REPEATS)
        line("whole request: transformers generate / ours", generate["seconds"] /
             median(mine, "seconds"), 5)

        title("A tree of 84 nodes, 32 tokens each, after the same 256 tokens")
        server = fork.Server("-np", "1")
        seed = iter(range(0, 100_000, 1000))
        mine, theirs = repeated(
            lambda: fork_ours("tree", trunk, 4, 3, n_tokens, "SEED"),
            lambda: server.tree(trunk.read_text(), 4, 3, n_tokens, next(seed)))
        server.close()
        line("llama-server node by node / ours, level by level", median(theirs, "seconds") /
             median(mine, "seconds"), 3)


# ---------------------------------------------------------------- taste

def bench_texts(language):
    """Reviews and posts to read, made at the first call."""
    n_mb = max(1, int(20 * SCALE))
    path = matrices.CACHE / "bench-data" / f"text-{language}-{n_mb}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        text.write(path.with_suffix(".part"), language, n_mb * 1_000_000)
        path.with_suffix(".part").rename(path)
    return path


def bench_taste():
    title("1,000 unseen texts for one viewer, places of 2,000 films learned, one core")
    path = matrices.kept(20_000, 2000, 200_000)
    (mine,) = repeated(lambda: run(os.environ["BENCH_TASTE"], path, bench_texts("en"), 1000))
    n_place = int(median(mine, "n_place"))
    (numpy_,) = repeated(lambda: peer("numpy-taste", path, n_place, 1000))
    score = median(mine, "score_p50_ms")
    line("1 ms / ours, features known, p50", 1 / score, 1,
         f"  ours {score:.3f} ms, p99 {median(mine, 'score_p99_ms'):.3f} ms")
    print(f"       NumPy doing the two products and a logistic alone: "
          f"{median(numpy_, 'p50_ms'):.3f} ms", flush=True)
    print(f"       features to be computed: {median(mine, 'rows_ms'):.1f} ms of words, "
          f"{median(mine, 'place_ms'):.1f} ms of the map; a viewer solved "
          f"{median(mine, 'viewer_p50_ms'):.2f} ms; trained in "
          f"{median(mine, 'train_ms') / 1000:.1f} s", flush=True)


# ---------------------------------------------------------------- text

def bench_text():
    for name, language, goal in (("English", "en", 20), ("Chinese", "zh", 8)):
        title(f"Words out of {name} reviews and posts, one core, megabytes a second")
        path = bench_texts(language)
        program = os.environ["BENCH_TEXT"]
        steps, chain, icu, python = repeated(
            lambda: run(program, "steps", path), lambda: run(program, "chain", path, 1),
            lambda: run(program, "icu", path),
            lambda: run(sys.executable, HERE / "text.py", "python", path))
        for step in steps[0]:
            if step != "process_seconds":
                print(f"       {step:<10} {median(steps, step):8.1f}", flush=True)
        rate = median(chain, "mb_per_s")
        print(f"  {'ok  ' if rate >= goal else 'MISS'} all steps in one pipe {rate:.1f} MB/s  "
              f"(goal {goal})", flush=True)
        fold_and_cut = 1 / sum(1 / median(steps, step) for step in ("normalize", "segment", "lower"))
        line("folding and cutting: ours / ICU's case folding and word breaks",
             fold_and_cut / median(icu, "mb_per_s"), 2)
        line("all steps: ours / Python's re, html, unicodedata (no stems, no dictionary)",
             rate / median(python, "mb_per_s"), 1)
        longer = run(program, "chain", path, 8)
        line("peak memory: once / eight times as much text",
             chain[0]["peak_mib"] / longer["peak_mib"], 0.9,
             f"  {chain[0]['peak_mib']:.0f} MiB / {longer['peak_mib']:.0f} MiB")


METHODS = ["full", "lora", "adalora", "adapter", "prefix"]


def finetune_ours(home, base, out, method, *words):
    """`lm finetune`: what it says, and the peak memory of the whole process."""
    words = [FORKREEL, "--home", home, "--json", "--threads", 2, "lm", "finetune",
             "--base", base, "--method", method, "--out", out, *words]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([str(w) for w in words], stdout=said,
                                   env=dict(os.environ, **ONE_THREAD))
        _, status, used = os.wait4(process.pid, 0)
        if status != 0:
            raise SystemExit(f"bench: {' '.join(map(str, words))}")
        said.seek(0)
        return dict(json.load(said), peak_mib=used.ru_maxrss / 1024)


def bench_finetune():
    title("adapting the default model: 256 tokens a row, 2 cores")
    base = os.environ["FORK_MODEL"]
    n_steps, n_batch = max(2, int(6 * SCALE)), 4
    with tempfile.TemporaryDirectory() as folder:
        home, rows, few, start, out = (str(pathlib.Path(folder) / name) for name in
                                       ("home", "rows.jsonl", "few.jsonl", "start.gguf", "out.gguf"))
        script = HERE / "finetune.py"
        subprocess.run([sys.executable, script, "rows", base, rows, str(n_batch), "256"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        common = ["--data", rows, "--steps", n_steps, "--batch", n_batch, "--valid", 0,
                  "--warmup", 0, "--context", 256]
        for method, goal_memory in (("lora", 2), ("full", None)):
            rate = 2e-4 if method == "lora" else 2e-5
            peers, own = repeated(
                lambda: run(sys.executable, script, "peer", base, rows, method, n_steps, n_batch,
                            rate, 8, 2),
                lambda: finetune_ours(home, base, out, method, "--rate", rate, *common))
            name = "PEFT" if method == "lora" else "PyTorch"
            line(f"{method}: tokens/s of ours / of {name}",
                 median(own, "tokens_per_s") / median(peers, "tokens_per_s"), 1,
                 f"  {median(own, 'tokens_per_s'):.0f} / {median(peers, 'tokens_per_s'):.0f}")
            if goal_memory:
                line(f"{method}: peak memory of {name} / of ours",
                     median(peers, "peak_mib") / median(own, "peak_mib"), goal_memory,
                     f"  {median(peers, 'peak_mib'):.0f} / {median(own, 'peak_mib'):.0f} MiB")
        curves(base, folder, home, script, few, start, out)
        table_of_methods(base, home, out)


def curves(base, folder, home, script, rows, start, out):
    """Fifty steps of LoRA from one beginning: the largest difference of losses."""
    subprocess.run([sys.executable, script, "rows", base, rows, "2", "64"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    theirs = run(sys.executable, script, "peer", base, rows, "lora", 50, 2, 5e-3, 8, 2, start)
    finetune_ours(home, base, out, "lora", "--adapter", start, "--data", rows, "--steps", 50,
                  "--batch", 2, "--rate", 5e-3, "--valid", 0, "--warmup", 0, "--context", 64,
                  "--run", "curve")
    told = subprocess.run([FORKREEL, "--home", home, "--json", "lm", "runs", "curve"], check=True,
                          capture_output=True, text=True).stdout
    own = finetune.losses_of(json.loads(told))
    most = max(abs(a - b) / b for a, b in zip(own, theirs["loss"]))
    print(f"  {'ok  ' if most <= 0.01 and len(own) == 50 else 'MISS'} "
          f"lora: largest difference of losses over {len(own)} steps {100 * most:.2f} %  "
          f"({theirs['loss'][0]:.3f} to {theirs['loss'][-1]:.3f}; goal 1 %)", flush=True)


def table_of_methods(base, home, out):
    """The same data and the same time for every method."""
    seconds = 60 * SCALE
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as data:
        data.write(finetune.films(120))
        data.flush()
        print(f"  {'method':<8} {'learnt':>10} {'MiB':>6} {'tokens/s':>8} "
              f"{'perplexity before':>18} {'after':>6}   {seconds:.0f} s each", flush=True)
        for method in METHODS:
            probe = finetune_ours(home, base, out, method, "--data", data.name, "--steps", 2,
                                  "--batch", 4, "--valid", 0)
            steps = max(4, int(seconds * probe["tokens_per_s"] / (4 * 230)))
            made = finetune_ours(home, base, out, method, "--data", data.name, "--steps", steps,
                                 "--batch", 4, "--judge-steps", steps)
            print(f"  {method:<8} {made['parameters']:>10} {made['peak_mib']:>6.0f} "
                  f"{made['tokens_per_s']:>8.0f} {made['perplexity_before']:>18.2f} "
                  f"{made['perplexity_after']:>6.2f}", flush=True)


# ---------------------------------------------------------------- n-grams

def processor(*words, **more):
    """Seconds of the processor that one process takes, and what it says."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"bench: {words[0]}\n{done.stderr[-2000:]}")
    return {"s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "said": done.stdout}


def bench_ngram():
    title("n-grams of five words from docstrings, seconds of the processor")
    kenlm, n_mb = pathlib.Path(os.environ["KENLM"]), max(1, int(40 * SCALE))
    folder = matrices.CACHE / "bench-data"
    folder.mkdir(parents=True, exist_ok=True)
    train, test = folder / f"ngram-{n_mb}.txt", folder / f"ngram-{n_mb}-test.txt"
    if not train.exists():
        ngram.corpus(train.with_suffix(".part"), test, n_mb * 1_000_000)
        train.with_suffix(".part").rename(train)
    with tempfile.TemporaryDirectory() as name:
        arpa, binary, own = (pathlib.Path(name) / n for n in ("a.arpa", "a.bin", "a.ngram"))

        def lmplz():
            with open(train, "rb") as text_in:
                return processor(kenlm / "lmplz", "-o", 5, "-S", "1G", "-T", name, "--arpa", arpa,
                                 stdin=text_in)

        def query():
            with open(test, "rb") as text_in:
                return processor(kenlm / "query", "-v", "summary", binary, stdin=text_in)

        theirs, mine = repeated(lmplz, lambda: processor(
            FORKREEL, "lm", "pretrain", "--arch", "ngram", "--order", 5, "--blanks", "--text", train,
            "--out", own))
        line("making a model: lmplz / ours", median(theirs, "s") / median(mine, "s"), 0.5,
             f"  {median(theirs, 's'):.2f} s / {median(mine, 's'):.2f} s")
        processor(kenlm / "build_binary", arpa, binary)
        asked, answered = repeated(query, lambda: run(os.environ["BENCH_NGRAM"], own, test))
        nothing = statistics.median(processor(kenlm / "query", "-v", "summary", binary, input="")["s"]
                                    for _ in range(REPEATS))  # loading alone
        line("asking it: query without loading / ours",
             (median(asked, "s") - nothing) / median(answered, "seconds"), 1,
             f"  {answered[0]['tokens']} words")
        there = float(re.search(r"including OOVs:\s*([0-9.]+)", asked[0]["said"]).group(1))
        here = answered[0]["perplexity"]
        print(f"  {'ok  ' if abs(here / there - 1) < .005 else 'MISS'} perplexity {there:.4f} and "
              f"{here:.4f}  (goal: within .5 %)", flush=True)


PARTS = {"quality": bench_quality, "als": bench_als, "top": bench_top, "fold": bench_fold,
         "ease": bench_ease,
         "import": bench_import, "fork": bench_fork, "taste": bench_taste,
         "text": bench_text, "finetune": bench_finetune, "ngram": bench_ngram}


def main(names):
    for name in names:
        if name not in PARTS:
            raise SystemExit(f"bench: no part '{name}'; there are {', '.join(PARTS)}")
    print(f"one machine, one run, median of {REPEATS}" +
          (f"; at {SCALE:g} of the size, which proves nothing" if SCALE != 1 else ""))
    for name in names or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
