#!/usr/bin/env python3
"""Do N processes learn the model that one learns with the same batch?

    check_pretrain.py PROGRAM MPIEXEC FLAG N

Sums are added in another order, so numbers agree to a few digits and not to the last bit.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main(program, mpiexec, flag, n):
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text")
        text.write_text("".join(f"The {who} opens door {i % 7} and takes map {i % 5}.\n"
                                for i, who in enumerate(["pilot", "widow", "thief", "clerk"] * 30)))
        environment = dict(os.environ, FORKREEL_HOME=folder, LC_ALL="C.UTF-8", OPENBLAS_NUM_THREADS="1")

        def train(kind, run, before):
            out = subprocess.run(
                [*before, program, "--json", "lm", "pretrain", "--arch", "nnlm", "--kind", kind, "--text",
                 text, "--out", f"{folder}/{run}.nnlm", "--embedding", "8", "--hidden", "12", "--epochs",
                 "4", "--valid", ".2", "--batch", "64", "--dropout", "0", "--run", run],
                env=environment, check=True, capture_output=True, text=True).stdout
            return json.loads(out)

        for kind in "feedforward", "lstm":
            one = train(kind, f"{kind}-1", [])
            many = train(kind, f"{kind}-{n}", [mpiexec, flag, n])
            for key in "loss", "perplexity_valid":
                assert abs(one[key] - many[key]) < 2e-3 * one[key], (kind, key, one[key], many[key])
            assert one["tokens"] == many["tokens"] and many["run"] == f"{kind}-{n}"
            print(f"{kind}: perplexity {one['perplexity_valid']:.4f} alone, "
                  f"{many['perplexity_valid']:.4f} in {n} processes")


main(*sys.argv[1:])
