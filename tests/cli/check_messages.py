#!/usr/bin/env python3
"""Is every message there in Chinese, with the same conversions in the same order?

Reads the English messages out of programs/forkreel (what tr() is given, names of columns,
texts of options and commands) and the table in cli_messages.h; prints what is missing, what
differs, and what nobody says any more. Exit status 1 on any finding.
"""
import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "programs/forkreel").glob("*.c"))
# Words of other rooms that are shown in help: they may be in the table.
OTHERS = [path for room in ("models", "catalog", "plots")
          for path in sorted((ROOT / "src" / room).glob("*.[ch]"))]

TEXT = r'((?:"(?:[^"\\\n]|\\.)*"\s*)+)'
SAID = [
    rf'\btr\(\s*{TEXT}\)',
    rf'\.summary = {TEXT}',
    rf'\.doc = {TEXT}',
    rf'\.caption = {TEXT}',
    rf'\? {TEXT} : {TEXT}, CLI_(?:LEFT|RIGHT|SHRINK)\}}',
    rf'\{{{TEXT}, CLI_(?:LEFT|RIGHT|SHRINK)\}}',
    rf'\{{(?:"[^"]*"|NULL),\s*[^,{{}}]+,\s*(?:"[^"]*"|NULL),\s*\w+,\s*{TEXT},\s*\d+\}}',
]


def literal(text):
    """The value of C string literals side by side; None for escapes that Python lacks."""
    try:
        return "".join(ast.literal_eval(part)
                       for part in re.findall(r'"(?:[^"\\\n]|\\.)*"', text))
    except SyntaxError:
        return None


def said_in(paths):
    said = {}
    for path in paths:
        source = path.read_text(encoding="utf-8")
        for pattern in SAID:
            for match in re.finditer(pattern, source):
                # A text of help is asked for in two halves, before and after the \v.
                for text in match.groups():
                    for part in literal(text).split("\v"):
                        said.setdefault(part, path.name)
        for match in re.finditer(r'static const char \*const rest\[\] = \{([^}]*)\}', source):
            for name in re.findall(r'"([^"]*)"', match.group(1)):
                said.setdefault(name, path.name)
    return said


def conversions(text):
    return re.findall(r"%[-+0-9.*]*(?:ll|l|z)?[a-zA-Z%]", text)


def main():
    table_text = (ROOT / "programs/forkreel/cli_messages.h").read_text(encoding="utf-8")
    table = {}
    findings = []
    for match in re.finditer(rf'\{{{TEXT},\s*{TEXT}\}},', table_text):
        en, zh = literal(match.group(1)), literal(match.group(2))
        if en in table:
            findings.append(f"twice: {en!r}")
        table[en] = zh
        if conversions(en) != conversions(zh):
            findings.append(f"other conversions: {en!r} {zh!r}")
    said = said_in(SOURCES)
    for path in OTHERS:  # help of train shows every setting of every model
        for text in re.findall(rf'REEL_SCALE_\w+,\s*{TEXT}', path.read_text(encoding="utf-8")):
            said.setdefault(literal(text), path.name)
    findings += [f"{said[en]}: no Chinese for {en!r}" for en in said if en not in table]
    elsewhere = {literal(text) for path in OTHERS
                 for text in re.findall(TEXT, path.read_text(encoding="utf-8"))}
    findings += [f"nobody says {en!r}" for en in table
                 if en not in said and en not in elsewhere]
    for finding in findings:
        print(finding)
    print(f"{len(table)} messages, {len(findings)} findings")
    return 1 if findings or len(table) < 100 else 0


sys.exit(main())
