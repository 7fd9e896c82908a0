#!/usr/bin/env python3
"""Draw docs/models.svg, the picture of README.md, from numbers measured now.

    docs/charts.py [PROGRAM [RATINGS]]     default: build/release/forkreel, the cache's ml-100k

NDCG@10 of each model and its interval, as `forkreel evaluate` gives them.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
INK, SOFT, GRID, BLUE, GREY = "#1f2328", "#59636e", "#d8dee4", "#2f6db5", "#a0a8b0"


def run(program, home, *words):
    return subprocess.run([program, "--home", str(home), *words], check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


# ---------------------------------------------------------------- drawing


class Picture:
    def __init__(self, width, height, title):
        self.size = (width, height)
        self.part = [f"<title>{title}</title>",
                     f'<rect width="{width}" height="{height}" rx="6" fill="#ffffff"/>']
        self.text(20, 30, title, size=15, weight=600)

    def text(self, x, y, words, size=12, colour=INK, anchor="start", weight=400):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        self.part.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
                         f'text-anchor="{anchor}" font-weight="{weight}">{words}</text>')

    def line(self, x1, y1, x2, y2, colour=GRID, width=1.0):
        self.part.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                         f'stroke="{colour}" stroke-width="{width}"/>')

    def bar(self, x, y, width, height, colour):
        self.part.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                         f'height="{height:.1f}" rx="2" fill="{colour}"/>')

    def save(self, path):
        width, height = self.size
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                        f'width="{width}" height="{height}" '
                        'font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif">\n'
                        + "\n".join(self.part) + "\n</svg>\n", encoding="utf-8")


def draw_models(found, path):
    rows = sorted(((m["model"], m["at"][0]["ndcg"]) for m in found["models"]),
                  key=lambda row: -row[1]["mean"])
    left, top, step, x_max = 110, 78, 34, 0.30
    width, bottom = 720, top + step * len(rows)
    picture = Picture(width, bottom + 44, "How well each model finds what viewers liked")
    picture.text(20, 50, f"NDCG@10 on MovieLens-100K, random split, {found['viewers_tested']} "
                 "viewers, all films ranked; the lines are 95 % bootstrap intervals",
                 colour=SOFT)

    def x_of(value):
        return left + value / x_max * (width - left - 40)

    for i in range(7):
        x = x_of(i * 0.05)
        picture.line(x, top - 8, x, bottom)
        picture.text(x, bottom + 18, f"{i * 0.05:.2f}", size=11, colour=SOFT, anchor="middle")
    for i, (name, ndcg) in enumerate(rows):
        y = top + i * step
        picture.text(left - 10, y + 15, name, anchor="end")
        picture.bar(left, y, x_of(ndcg["mean"]) - left, 20,
                    GREY if name == "popularity" else BLUE)
        picture.line(x_of(ndcg["low"]), y + 10, x_of(ndcg["high"]), y + 10, INK, 1.5)
        for end in ("low", "high"):
            picture.line(x_of(ndcg[end]), y + 6, x_of(ndcg[end]), y + 14, INK, 1.5)
        picture.text(x_of(ndcg["high"]) + 8, y + 15, f"{ndcg['mean']:.3f}", weight=600)
    picture.line(left, top - 8, left, bottom, SOFT)
    picture.save(path)


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(DOCS.parent / "build/release/forkreel")
    cache = os.environ.get("FORKREEL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "forkreel")
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.path.join(cache, "ml-100k"))
    with tempfile.TemporaryDirectory() as home:
        run(program, home, "import", "recbole", str(folder))
        draw_models(json.loads(run(program, home, "evaluate", "--json")), DOCS / "models.svg")


main()
