#!/usr/bin/env python3
"""Write nnlm_cases.h: losses and gradients of small neural language models by PyTorch.

    python3 nnlm_cases.py > nnlm_cases.h      (needs torch; the output is stored)

Double precision and automatic differentiation; nothing of Forkreel is used. Weights are a formula
(weight below) that the test computes as well, so only results are stored.
"""
import torch

from emit import emit

torch.set_default_dtype(torch.float64)
V, M, H, C = 11, 5, 7, 3
# Lines of words, each closed by 2 (its end); 1 stands before a line.
LINES = [[4, 7, 3, 9, 9, 5, 2], [10, 2], [3, 4, 8, 6, 3, 5, 7, 10, 4, 2], [2], [6, 0, 5, 2]]


def weight(array, rows, columns):
    """Array number `array`: .4 sin(.7 i + 1.3 array + .2), i counting row by row."""
    i = torch.arange(rows * columns, dtype=torch.float64)
    return (.4 * torch.sin(.7 * i + 1.3 * array + .2)).reshape(rows, columns).requires_grad_()


def feedforward(direct):
    arrays = [weight(0, V, M), weight(1, H, C * M), weight(2, 1, H), weight(3, V, H),
              weight(4, 1, V)] + ([weight(5, V, C * M)] if direct else [])
    loss = 0
    for line in LINES:
        before = [1] * C
        for word in line:
            x = torch.cat([arrays[0][w] for w in before])
            y = arrays[4][0] + arrays[3] @ torch.tanh(arrays[2][0] + arrays[1] @ x)
            if direct:
                y = y + arrays[5] @ x
            loss = loss - torch.log_softmax(y, 0)[word]
            before = [word] + before[:-1]
    return arrays, loss


def lstm(n_steps):
    arrays = [weight(0, V, M), weight(1, 4 * H, M), weight(2, 1, 4 * H), weight(3, V, H),
              weight(4, 1, V), weight(5, 4 * H, H)]
    loss = 0
    for line in LINES:
        a, c, before = torch.zeros(H), torch.zeros(H), 1
        for t, word in enumerate(line):
            if t % n_steps == 0:  # gradients do not go on
                a, c = a.detach(), c.detach()
            gates = arrays[2][0] + arrays[1] @ arrays[0][before] + arrays[5] @ a
            i, f, g, o = gates.split(H)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            a = torch.sigmoid(o) * torch.tanh(c)
            loss = loss - torch.log_softmax(arrays[4][0] + arrays[3] @ a, 0)[word]
            before = word
    return arrays, loss


def case(name, arrays, loss):
    loss.backward()
    emit("double", f"{name}_loss", [round(loss.item(), 9)])
    emit("float", f"{name}_gradient",
         [round(g, 6) + 0. for a in arrays for g in a.grad.flatten().tolist()])


print("// Written by nnlm_cases.py; do not edit.\n#ifndef NNLM_CASES_H\n#define NNLM_CASES_H\n\n"
      "// clang-format off")
print(f"enum {{ NNLM_WORDS = {V}, NNLM_EMBEDDING = {M}, NNLM_HIDDEN = {H}, NNLM_CONTEXT = {C} }};")
emit("uint32_t", "nnlm_word", [w for line in LINES for w in line])
emit("int64_t", "nnlm_line", [0] + [sum(map(len, LINES[:i + 1])) for i in range(len(LINES))])
case("feedforward", *feedforward(False))
case("direct", *feedforward(True))
case("lstm", *lstm(100))
case("lstm_cut", *lstm(3))
print("// clang-format on\n\n#endif")
