#!/usr/bin/env python3
"""Write bpe_cases.h: merges and tokens of an independent byte-level BPE.

    python3 bpe_cases.py > bpe_cases.h      (needs PyPI `tokenizers` 0.21; the output is stored)

The same settings as lm_bpe.h: words as llama.cpp's "qwen2", all 256 bytes in the alphabet behind one
special token, pairs that occur at least twice. Equal numbers are decided alike, by the smaller tokens.
"""
import json

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from emit import emit

WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")

STORY = """\
The keeper of the lighthouse had not spoken for eleven days when the boat came in. It wasn't the boat
that she'd been waiting for; it was smaller, and the man in it was rowing backwards, as if he didn't
want to see where he was going. "You're late," she called. "I'm never late," he said, "I've only been
elsewhere." He had a letter for her, and he wouldn't let go of it until she had told him the name of
the light, the name of the rock and the name of the woman who had lit it first, in 1847.

She told him the first name, and the second. The third she kept. The wind rose, the boat knocked against
the stones, and the keeper thought of the eleven days, and of the one before them, when somebody else
had stood where he was standing and had asked for the same three names.

\u706f\u5854\u91cc\u7684\u5973\u4eba\u5341\u4e00\u5929\u6ca1\u6709\u8bf4\u8bdd\u4e86\u3002\u8239\u6765\u4e86\uff0c\u4e0d\u662f\u5979\u7b49\u7684\u90a3\u4e00\u6761\u3002\u8239\u4e0a\u7684\u7537\u4eba\u80cc\u5bf9\u7740\u706f\u5854\u5212\u6868\uff0c\u597d\u50cf\u4e0d\u60f3\u770b\u89c1\u81ea\u5df1\u8981\u53bb\u54ea\u91cc\u3002
\u201c\u4f60\u6765\u665a\u4e86\u3002\u201d\u5973\u4eba\u8bf4\u3002\u201c\u6211\u4ece\u4e0d\u665a\u5230\uff0c\u53ea\u662f\u5148\u53bb\u4e86\u522b\u7684\u5730\u65b9\u3002\u201d\u7537\u4eba\u8bf4\u3002\u4ed6\u624b\u91cc\u6709\u4e00\u5c01\u4fe1\uff0c\u8981\u5979\u8bf4\u51fa\u4e09\u4e2a\u540d\u5b57\u624d\u80af\u7ed9\u5979\uff1a\u706f\u5854\u7684\u540d\u5b57\uff0c\u7901\u77f3\u7684\u540d\u5b57\uff0c
\u8fd8\u6709\u7b2c\u4e00\u4e2a\u70b9\u706f\u7684\u5973\u4eba\u7684\u540d\u5b57\u3002\u5979\u8bf4\u4e86\u7b2c\u4e00\u4e2a\uff0c\u8bf4\u4e86\u7b2c\u4e8c\u4e2a\uff0c\u7b2c\u4e09\u4e2a\u7559\u7ed9\u4e86\u81ea\u5df1\u3002
"""

RUNS = "aaaa aaa aaaaaaa -- ---- ------ ........ .... abab ababab   \n\n\n  aab aabb baab 1111 22 \n" * 3

ASKED = ("The keeper's LETTER wasn't late;   she\u2019d told 1847 names -- caf\u00e9, na\u00efve, \u706f\u5854\u7684\u5973\u4eba\u8bf4\uff1a\u201c\u6211"
         "\u6ca1\u6709\u4fe1\u3002\u201d\r\n\r\n\taaaaa ....... \U0001f3ac \u3000x\u00a0y\n")


def train(text, n_tokens):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=n_tokens, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def merges_of(tokenizer):
    model = json.loads(tokenizer.to_str())["model"]
    return [model["vocab"][token] for pair in model["merges"] for token in pair]


def as_c(text):
    """A C string, 60 bytes a line."""
    data = text.encode()
    return "\n".join('    "' + "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 or chr(byte) in '"\\?'
                                        else chr(byte) for byte in data[at:at + 60]) + '"'
                     for at in range(0, len(data), 60))


def main():
    cases = [("story", STORY, 420), ("whole", STORY, 5000), ("runs", RUNS, 300)]
    print("/* Made by bpe_cases.py; not to be edited. */")
    print("#include <stdint.h>\n")
    for name, text, n_tokens in cases:
        tokenizer = train(text, n_tokens)
        print(f"static const char bpe_{name}_text[] =\n{as_c(text)};")
        emit("int32_t", f"bpe_{name}_merge", merges_of(tokenizer))
        emit("int32_t", f"bpe_{name}_encoded", tokenizer.encode(ASKED).ids)
    print(f"static const char bpe_asked[] =\n{as_c(ASKED)};")
    print("static const struct {\n    const char *text, *asked;\n    int32_t n_tokens, n_merges, n_encoded;\n"
          "    const int32_t *merge, *encoded;\n} bpe_case[] = {")
    for name, _, n_tokens in cases:
        print(f"    {{bpe_{name}_text, bpe_asked, {n_tokens}, sizeof bpe_{name}_merge / 8, "
              f"sizeof bpe_{name}_encoded / 4,\n     bpe_{name}_merge, bpe_{name}_encoded}},")
    print("};")


if __name__ == "__main__":
    main()
