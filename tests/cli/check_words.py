#!/usr/bin/env python3
"""Do manual and completions know what the program knows, and nothing else?

Commands, their options, formats and models as the program tells them are looked up in
man/forkreel.1 and in both completions.

    check_words.py PROGRAM
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAN = (ROOT / "man/forkreel.1").read_text(encoding="utf-8")
BASH = (ROOT / "scripts/completions/forkreel.bash").read_text(encoding="utf-8")
ZSH = (ROOT / "scripts/completions/_forkreel").read_text(encoding="utf-8")
PROGRAM = sys.argv[1]
findings = []


def forkreel(*words):
    return subprocess.run([PROGRAM, "--lang", "en", *words], capture_output=True, check=True,
                          text=True, stdin=subprocess.DEVNULL).stdout


def options_of(help_text):
    return set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", help_text.split("\n\n", 1)[1]))


def compare(where, there, wanted):
    if there != wanted:
        missing, extra = sorted(wanted - there), sorted(there - wanted)
        findings.append(f"{where}: lacks {missing}, has too much {extra}")


def words_of(pattern, text):
    match = re.search(pattern, text, re.S)
    return set(match.group(1).split()) if match else set()


def bash_options(command):
    for names, options in re.findall(r'^    ([a-z" |-]+)\) options="([^"]*)"', BASH, re.M):
        if command in names.split(" | "):
            return {word[2:] for word in options.split()}
    return set()


def zsh_options(command):
    match = re.search(rf"^_forkreel_{command}\(\) \{{\n(.*?)^\}}", ZSH, re.S | re.M)
    body = match.group(1) if match else ""
    if "_forkreel_event" in body:
        body += re.search(r"^_forkreel_event\(\) \{\n(.*?)^\}", ZSH, re.S | re.M).group(1)
    return set(re.findall(r"--([a-z][a-z0-9-]*)(?==?[\[}',])", body))


def man_options(command):
    found = set()
    for part in re.findall(rf"^\.Ss {command} ([^\n]*\n.*?)(?=^\.S[sh] )", MAN, re.S | re.M):
        for line in re.findall(r"^\.It (Fl -.*)$", part, re.M):
            found |= set(re.findall(r"Fl -([a-z][a-z0-9-]*)", line))
    return found


commands = json.loads(forkreel("--json", "help"))
names = {command["name"] for command in commands}
everywhere = options_of(forkreel("help", "viewers"))
if not {"home", "json", "help"} <= everywhere or "recommend" not in names:
    findings.append("help cannot be read")
compare("bash: commands", words_of(r'commands="([^"]*)"', BASH), names)
compare("bash: everywhere", {w[2:] for w in words_of(r'everywhere="([^"]*)"', BASH)}, everywhere)
compare("zsh: commands", set(re.findall(r"^        '([a-z]+):", ZSH, re.M)), names)
compare("man: commands", set(re.findall(r"^\.Ss ([a-z]+)", MAN, re.M)), names)
described = MAN[:MAN.index(".Sh COMMANDS")]
compare("man: everywhere", set(re.findall(r"^\.It Fl -([a-z-]+)", described, re.M)), everywhere)

for name in sorted(names):
    own = options_of(forkreel("help", name)) - everywhere
    compare(f"bash: {name}", bash_options(name), own)
    compare(f"zsh: {name}", zsh_options(name), own)
    compare(f"man: {name}", man_options(name), own)

formats = set(re.findall(r"^  ([a-z-]+)  ", forkreel("help", "import").split("Formats:")[1], re.M))
compare("bash: formats", words_of(r'formats="([^"]*)"', BASH), formats)
compare("zsh: formats", words_of(r"1:format:\(([^)]*)\)", ZSH), formats)
compare("man: formats", set(re.search(r"^Formats:\n\.Cm (.*?)\.Cm (.*?)$", MAN, re.S | re.M)
                            .expand(r"\1 \2").replace(",", " ").replace(".", " ").split()), formats)
models = set(re.findall(r"^  ([a-z-]+) ", forkreel("help", "train").split("Models and")[1], re.M))
compare("bash: models", words_of(r'models="([^"]*)"', BASH), models)
compare("zsh: models", set(re.search(r"_values -s , model (.*)", ZSH).group(1).split()), models)
compare("man: models", set(re.search(r"^Which models:\n\.Cm (.*?) ;", MAN, re.M).group(1)
                           .replace(",", " ").split()), models)

print("\n".join(findings) or f"{len(names)} commands, {len(formats)} formats, {len(models)} models")
sys.exit(1 if findings else 0)
