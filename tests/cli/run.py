#!/usr/bin/env python3
"""Run one case of tests/cli/cases: run.py PROGRAM CASE

A case is a folder; its name says what it shows. Files in it, all but the first optional:

    cmd      shell script, run in an empty folder with forkreel on the PATH, $data the sample
             data, $tests this folder, FORKREEL_HOME inside the folder, English, UTF-8
    before   "imported" or "trained": the sample set is imported, trained, before cmd begins
    status   exit status of the script; 0 without the file
    stdout   patterns for what it wrote, one a line; without the file it must write nothing
    stderr   likewise
    json     Python expressions over `doc`, the one JSON document on stdout; all must hold

A pattern is text that must stand in a line at or below the last match; "~ " before it makes
it a regular expression, "! " means that it stands nowhere, "# " is a comment.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data/cli"
BEFORE = {
    None: "",
    "imported": 'forkreel import recbole "$data/sample"\n',
    "trained": 'forkreel import recbole "$data/sample"\nforkreel train\n',
}


def read(path):
    return path.read_text(encoding="utf-8") if path.exists() else None


def run_script(script, folder, program):
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    if not (bin_folder / "forkreel").exists():
        (bin_folder / "forkreel").symlink_to(program)
    environment = {
        "PATH": f"{bin_folder}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8",
        "FORKREEL_HOME": str(folder / "home"), "data": str(DATA), "tests": str(Path(__file__).resolve().parent),
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""),
        "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "print_stacktrace=1"),
    }
    return subprocess.run(["/bin/sh", "-c", script], cwd=folder, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120)


def check_patterns(name, patterns, text):
    """Complaints about the lines of one stream."""
    lines = text.splitlines()
    if patterns is None:
        return [f"{name} should be empty"] if lines else []
    complaints, at = [], 0
    for pattern in filter(None, patterns.splitlines()):
        if pattern.startswith("# "):
            continue
        if pattern.startswith("! "):
            if any(pattern[2:] in line for line in lines):
                complaints.append(f"{name} has: {pattern[2:]}")
            continue
        is_regex = pattern.startswith("~ ")
        fits = (re.compile(pattern[2:]).search if is_regex
                else lambda line, part=pattern: part in line)
        found = next((i for i in range(at, len(lines)) if fits(lines[i])), None)
        if found is None:
            complaints.append(f"{name} lacks: {pattern}")
        else:
            at = found
    return complaints


def check_json(expressions, text):
    try:
        doc = json.loads(text)
    except ValueError as error:
        return [f"stdout is not one JSON document: {error}"]
    complaints = []
    for expression in filter(None, expressions.splitlines()):
        try:
            if not eval(expression, {"doc": doc}):  # our own files
                complaints.append(f"not so: {expression}")
        except (KeyError, IndexError, TypeError) as error:
            complaints.append(f"{expression}: {error!r}")
    return complaints


def check(case, program):
    before = read(case / "before")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared = run_script("set -e\n" + BEFORE[before and before.strip()], folder, program)
        if prepared.returncode:
            return ["what comes before failed: " + prepared.stderr.decode(errors="replace")]
        ran = run_script(read(case / "cmd"), folder, program)
    stdout, stderr = ran.stdout.decode("utf-8"), ran.stderr.decode("utf-8")
    complaints = []
    status = int(read(case / "status") or 0)
    if ran.returncode != status:
        complaints.append(f"exit status {ran.returncode}, not {status}")
    expressions = read(case / "json")
    if expressions:
        complaints += check_json(expressions, stdout)
    else:
        complaints += check_patterns("stdout", read(case / "stdout"), stdout)
    complaints += check_patterns("stderr", read(case / "stderr"), stderr)
    if complaints:
        complaints += ["--- stdout", stdout, "--- stderr", stderr]
    return complaints


def main():
    program, case = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    complaints = check(case, program)
    print("\n".join(complaints) or "as expected")
    return 1 if complaints else 0


sys.exit(main())
