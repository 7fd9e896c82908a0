"""Peers of the engine that writes branches: llama.cpp's own programs. Used by compare.py."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).parent.parent
TOOLS = pathlib.Path(os.environ.get("LLAMA_PROGRAMS", ""))
MODEL = pathlib.Path(os.environ.get("FORK_MODEL", ""))
ON_ONE_CORE = ["taskset", "-c", "0"]

TRUNK = """The ferry to the island left once a day, and on the morning of the storm Mara missed it.
She stood on the pier with her father's violin under her coat and watched the lights of the boat
go small. Behind her the harbour master was nailing boards over his window. He told her that no
one would cross before Thursday, and that the house she was looking for had been empty since the
winter. Mara did not believe him. A letter had come from that house, in her brother's hand, nine
days ago, and it said only: bring it back before they open the wall. She found a fisherman who owed
her family a favour and who was too poor to be afraid. His name was Teodor, and his boat had one
engine and no radio. They left at dusk. Halfway across, the waves came over the side and Teodor
began to sing, which frightened her more than the sea did. When the island rose out of the rain
there was a light in the house, and then there were two. Someone was standing on the landing with a
lantern, and it was not her brother. It was the man who had bought the violin at the auction, the
one who had paid for it and never come to fetch it. He lifted the lantern and called her by her
name. Teodor cut the engine. The current took the boat toward the rocks, slowly, as if it had time.
Mara opened her coat, looked at the violin, and then at the two lights in the window above."""


def films_text():
    """Plots of the catalogue, in English, one after the other."""
    beats = []
    for path in sorted((ROOT / "data" / "catalogue").glob("*.json"))[:40]:
        film = json.loads(path.read_text())
        beats += [beat["text"]["en"] if isinstance(beat.get("text"), dict) else beat["en"]
                  for beat in film["beats"]]
    return " ".join(beats)


class Server:
    """llama-server on one core, ready to be asked."""

    def __init__(self, *options):
        with contextlib.closing(socket.socket()) as some:
            some.bind(("127.0.0.1", 0))
            self.port = some.getsockname()[1]
        self.process = subprocess.Popen(
            [*ON_ONE_CORE, str(TOOLS / "llama-server"), "-m", str(MODEL), "-t", "1", "-tb", "1",
             "--port", str(self.port), "-c", "4096", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health") as answer:
                    if answer.status == 200:
                        return
            time.sleep(0.2)
        self.close()
        raise SystemExit("bench: llama-server does not answer")

    def ask(self, path, **question):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         json.dumps(question).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def tokens(self, text):
        return self.ask("/tokenize", content=text)["tokens"]

    def text(self, tokens):
        return self.ask("/detokenize", tokens=tokens)["content"]

    def siblings(self, text, n, n_tokens, seed):
        """Seconds for one request with `n` continuations, nothing of it read before."""
        begin = time.perf_counter()
        answer = self.ask("/v1/completions", prompt=text, n=n, max_tokens=n_tokens, seed=seed,
                          temperature=0.8, ignore_eos=True, cache_prompt=False)
        assert len(answer["choices"]) == n
        return time.perf_counter() - begin

    def tree(self, text, n_branches, depth, n_tokens, seed):
        """Seconds for a tree asked node by node, each after its own branch was read."""
        def grow(path, level):
            nonlocal n_nodes
            for branch in range(n_branches if level < depth else 0):
                answer = self.ask("/completion", prompt=path, n_predict=n_tokens,
                                  seed=seed + n_nodes, temperature=0.8, ignore_eos=True,
                                  cache_prompt=True)
                n_nodes += 1
                grow(path + answer["content"], level + 1)
        n_nodes = 0
        begin = time.perf_counter()
        grow(text, 0)
        return {"seconds": time.perf_counter() - begin, "n_nodes": n_nodes}


def batched_bench(n_trunk, n_tokens, n_siblings):
    """Tokens per second that llama-batched-bench writes after a shared prompt."""
    done = subprocess.run(
        [*ON_ONE_CORE, str(TOOLS / "llama-batched-bench"), "-m", str(MODEL), "-c", "2048", "-b",
         "512", "-ub", "512", "-npp", str(n_trunk), "-ntg", str(n_tokens), "-npl",
         str(n_siblings), "-pps", "-kvu", "-t", "1", "-tb", "1"],
        capture_output=True, text=True, check=True)
    row = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("|")][-1]
    return float(row.split("|")[8])


def llama_perplexity(path, n_context):
    done = subprocess.run(
        [*ON_ONE_CORE, str(TOOLS / "llama-perplexity"), "-m", str(MODEL), "-f", str(path), "-c",
         str(n_context), "-t", "1", "-tb", "1"], capture_output=True, text=True, check=True)
    return float(re.search(r"Final estimate: PPL = ([0-9.]+)", done.stdout + done.stderr).group(1))
