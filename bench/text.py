"""Texts to measure the text pipe on, and how Python alone would do it.

    python3 text.py python FILE     one JSON object: megabytes a second
"""
import collections
import html
import json
import pathlib
import random
import re
import sys
import time
import unicodedata

CATALOGUE = pathlib.Path(__file__).resolve().parent.parent / "data/catalogue"
HAN = re.compile("[\u4e00-\u9fff]")


def sentences(language):
    """Of the plots of the catalogue; names alone are left out."""
    found = []

    def walk(value):
        if isinstance(value, str):
            is_chinese = bool(HAN.search(value))
            if is_chinese == (language == "zh") and len(value) > (12 if is_chinese else 40):
                found.append(value)
        elif isinstance(value, dict):
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    for path in sorted(CATALOGUE.glob("*.json")):
        walk(json.loads(path.read_text(encoding="utf-8")))
    return found


def made_up(text, language, rng):
    """One word in fifty is a new one, as names and misspellings are; else every word is known."""
    if language == "zh":
        return "".join(chr(rng.randrange(0x4e00, 0x9000)) if rng.random() < .02 else c for c in text)
    return " ".join("".join(rng.choices("etaoinshrdlu", k=rng.randrange(4, 11)))
                    if rng.random() < .02 else word for word in text.split(" "))


def write(path, language, n_bytes):
    """Reviews and posts: sentences in any order, a tenth of the lines HTML, a tenth posts."""
    rng = random.Random(1)
    known, written = sentences(language), 0
    with open(path, "w", encoding="utf-8") as out:
        while written < n_bytes:
            line = " ".join(made_up(rng.choice(known), language, rng)
                            for _ in range(rng.randrange(1, 6)))
            kind = rng.randrange(10)
            if kind == 0:
                line = f'<div class="review"><p>{html.escape(line)}</p><br/><b>8/10</b></div>'
            elif kind == 1:
                line = f"@viewer{rng.randrange(1000)} {line} #WhatAFilm https://t.co/x{written} 😀!!!"
            out.write(line + "\n")
            written += len(line.encode()) + 1


TAG, ADDRESS = re.compile(r"<[^>]+>"), re.compile(r"https?://\S+|www\.\S+")
MENTION, WORD, AGAIN = re.compile(r"@\w+"), re.compile(r"\w+(?:'\w+)?"), re.compile(r"([!?.,。！？])\1+")
STOP = set("the a an and or but if of to in on at by for with from as is are was were be been it its this "
           "that he she they his her their him them i you we who which what when where".split())


def python_words(line):
    """Extract, clean, normalize, cut at what is no letter, lower, stop; no stems, no dictionary."""
    line = MENTION.sub(" ", ADDRESS.sub(" ", html.unescape(TAG.sub(" ", line))))
    line = unicodedata.normalize("NFKC", AGAIN.sub(r"\1", line)).lower()
    return (word for word in WORD.findall(line) if word not in STOP)


def python_run(path):
    counts, begin = collections.Counter(), time.process_time()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            counts.update(python_words(line))
    size = pathlib.Path(path).stat().st_size
    return {"mb_per_s": size * 1e-6 / (time.process_time() - begin), "n_words": len(counts)}


if __name__ == "__main__":
    print(json.dumps(python_run(sys.argv[2])))
