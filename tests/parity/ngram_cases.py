#!/usr/bin/env python3
"""Write ngram_cases.h: what KenLM's lmplz and query say of lines of the catalogue.

    python3 ngram_cases.py BIN > ngram_cases.h     (needs KenLM 0.3.0's programs in BIN, made from
                                                   PyPI kenlm; the output is stored)

Lines are beats of the first films in English and Chinese, with a blank around every sign and
every Chinese character, so both programs see the same words.
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.argv[1])
ORDERS = range(2, 7)


def beats(films, language):
    for path in films:
        for beat in json.loads(path.read_text(encoding="utf-8"))["beats"]:
            text = beat["text"][language] if "text" in beat else beat[language]
            yield " ".join(re.sub(r"([^\w ]|[\u4e00-\u9fff])", r" \1 ", text).split())


def query(order, train, test, folder):
    """log10 P of every line of test, </s> counted."""
    arpa = folder / "model.arpa"
    subprocess.run([BIN / "lmplz", "-o", str(order), "--discount_fallback", "-S", "50M", "-T",
                    folder / "t", "--arpa", arpa], input="\n".join(train) + "\n", text=True,
                   check=True, capture_output=True)
    head = re.findall(r"^ngram \d+=(\d+)$", arpa.read_text(encoding="utf-8"), re.M)
    said = subprocess.run([BIN / "query", arpa], input="\n".join(test) + "\n", text=True,
                          check=True, capture_output=True).stdout
    return [float(t) for t in re.findall(r"Total: (-?[0-9.]+)", said)], [int(n) for n in head]


def emit(kind, name, values):
    lines, line = [], "   "
    for text in values:
        if len(line) + len(text) + 2 > 100:
            lines.append(line)
            line = "   "
        line += f" {text},"
    print(f"static const {kind} {name}[] = {{\n" + "\n".join(lines + [line]) + "\n};")


def main():
    films = sorted((ROOT / "data/catalogue").glob("*.json"))
    train = [line for language in ("en", "zh") for line in beats(films[:8], language)]
    train += train[:3] + [""]  # counts above one, and an empty line
    test = [line for language in ("en", "zh") for line in beats(films[8:9], language)]
    print("// Written by ngram_cases.py; do not edit.\n#ifndef NGRAM_CASES_H\n#define NGRAM_CASES_H"
          "\n\n#include <stdint.h>\n\n// clang-format off")
    emit("char *const", "ngram_train", [json.dumps(t, ensure_ascii=False) for t in train])
    emit("char *const", "ngram_test", [json.dumps(t, ensure_ascii=False) for t in test])
    with tempfile.TemporaryDirectory() as name:
        for order in ORDERS:
            logp, counts = query(order, train, test, Path(name))
            assert len(logp) == len(test)
            emit("double", f"ngram_logp_{order}", [repr(x) for x in logp])
            emit("int64_t", f"ngram_counts_{order}", [str(n) for n in counts])
    print("// clang-format on\n#endif")


main()
