"""A text to measure n-gram models on, and KenLM's answers about it.

    python3 ngram.py corpus TRAIN TEST MB       words with blanks between, a sentence a line
    python3 ngram.py kenlm MODEL TEST           one JSON object: seconds, perplexity

The text is what the packages of the bench say of themselves: docstrings of every module in
site-packages, in the order of their paths; every twentieth module is set aside to test on.
"""
import ast
import json
import math
import pathlib
import re
import sys
import sysconfig
import time
import warnings

WORD = re.compile(r"[^\W_]+(?:['.][^\W_]+)*|[^\w\s\0]")


def docstrings(path):
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield text


def sentences(text):
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in re.split(r"(?<=[.!?]) ", " ".join(paragraph.split())):
            words = WORD.findall(sentence)
            if len(words) > 2:
                yield " ".join(words)


def corpus(train, test, n_bytes):
    warnings.simplefilter("ignore")
    n, site = 0, pathlib.Path(sysconfig.get_paths()["purelib"])
    with open(train, "w", encoding="utf-8") as learn, open(test, "w", encoding="utf-8") as judge:
        for i, path in enumerate(sorted(site.rglob("*.py"))):
            for text in docstrings(path):
                for line in sentences(text):
                    n += (judge if i % 20 == 0 else learn).write(line + "\n")
            if n > n_bytes:
                return


def kenlm(model, test):
    import kenlm as peer
    lm = peer.Model(model)
    lines = open(test, encoding="utf-8").read().splitlines()
    lm.score(lines[0])
    seconds = []
    for _ in range(3):
        begin = time.process_time()
        total = sum(lm.score(line) for line in lines)
        seconds.append(time.process_time() - begin)
    n = sum(len(line.split()) + 1 for line in lines)
    print(json.dumps({"seconds": min(seconds), "tokens": n,
                      "perplexity": math.exp(-total * math.log(10) / n)}))


if __name__ == "__main__":
    if sys.argv[1] == "corpus":
        corpus(sys.argv[2], sys.argv[3], float(sys.argv[4]) * 1e6)
    else:
        kenlm(sys.argv[2], sys.argv[3])
