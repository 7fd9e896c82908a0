#!/usr/bin/env python3
"""Can others read the event files of trainings? check_runs.py PROGRAM [PYTHON WITH TENSORBOARD]

Trains a small model, takes its event file apart with nothing but Python's own library, and compares
with what `lm runs --json` says. With PyPI `tensorboard` (scripts/setup test brings it) the same
curves, texts and histograms must come out of TensorBoard's own reader.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

READER = """
import json, sys
from tensorboard.backend.event_processing import event_accumulator as e
a = e.EventAccumulator(sys.argv[1], size_guidance={e.SCALARS: 0, e.HISTOGRAMS: 0, e.TENSORS: 0})
a.Reload()
tags = a.Tags()
print(json.dumps({
    "scalars": {t: [[x.step, x.value] for x in a.Scalars(t)] for t in tags["scalars"]},
    "histograms": {t: [[x.step, x.histogram_value.num] for x in a.Histograms(t)] for t in tags["histograms"]},
    "texts": {t: [[x.step, x.tensor_proto.string_val[0].decode()] for x in a.Tensors(t)]
              for t in tags["tensors"]
              if a.summary_metadata[t].plugin_data.plugin_name == "text"}}))
"""


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    while data:
        n, = struct.unpack("<Q", data[:8])
        body = data[12:12 + n]
        assert struct.unpack("<I", data[8:12])[0] == masked(data[:8]), "checksum of a length"
        assert struct.unpack("<I", data[12 + n:16 + n])[0] == masked(body), "checksum of a record"
        yield body
        data = data[16 + n:]


def fields(data):
    def varint():
        nonlocal data
        value = shift = 0
        while True:
            byte, data = data[0], data[1:]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while data:
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            n = {1: 8, 5: 4}.get(key & 7) or varint()
            yield key >> 3, data[:n]
            data = data[n:]


def scalars(data):
    """{tag: [[step, value], ...]}, and the version that the file says it is of."""
    curves, version = {}, None
    for body in records(data):
        event = dict(fields(body))
        version = event.get(3, version)
        for _, value in fields(event.get(5, b"")):
            value = dict(fields(value))
            if 2 in value:
                curves.setdefault(value[1].decode(), []).append(
                    [event.get(2, 0), struct.unpack("<f", value[2])[0]])
    return curves, version


def same(a, b):
    """Curves by tag: same steps, and values as far as JSON tells them."""
    return a.keys() == b.keys() and all(
        len(a[t]) == len(b[t]) and all(
            x[0] == y[0] and abs(x[1] - y[1]) <= 1e-5 * abs(x[1]) for x, y in zip(a[t], b[t]))
        for t in a)


def main(program, python):
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text")
        text.write_text("".join(f"The {who} opens door {i % 7} and takes the map.\n船长拿走了{i % 5}。\n"
                                for i, who in enumerate(["pilot", "widow", "thief"] * 20)), "utf-8")
        environment = dict(os.environ, FORKREEL_HOME=folder, LC_ALL="C.UTF-8")
        subprocess.run([program, "lm", "pretrain", "--arch", "nnlm", "--text", text, "--out",
                        f"{folder}/a.nnlm", "--embedding", "8", "--hidden", "12", "--epochs", "3",
                        "--valid", ".2", "--batch", "64", "--run", "checked"],
                       env=environment, check=True, capture_output=True)
        said = json.loads(subprocess.run([program, "--json", "lm", "runs", "checked"], env=environment,
                                         check=True, capture_output=True).stdout)
        run = Path(folder, "runs/checked")
        curves, version = scalars((run / "events.out.tfevents.forkreel").read_bytes())
        assert version == b"brain.Event:2", version
        ours = {c["tag"]: [list(p) for p in zip(c["step"], c["value"])] for c in said["curves"]}
        assert same(curves, ours), "curves differ from those that lm runs tells"
        if not python:
            print("check_runs: without TensorBoard, which scripts/setup test brings: only read by hand")
            return
        out = subprocess.run([python, "-c", READER, run], capture_output=True, check=True,
                             env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")).stdout
        theirs = json.loads(out)
        assert same(theirs["scalars"], ours), "TensorBoard has other curves"
        assert theirs["texts"] == {"sample": [[t["step"], t["text"]] for t in said["texts"]]}
        assert {(t, s) for t, x in theirs["histograms"].items() for s, _ in x} == \
            {(h["tag"], h["step"]) for h in said["histograms"]}, "TensorBoard has other histograms"
        print("check_runs: TensorBoard reads the same")


main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else None)
