#!/usr/bin/env python3
"""Do story files, as the program writes them, fit docs/story.schema.json, and wrong ones not?

The schema is applied by the few lines below, and by jsonschema too where Python has it.

    check_story_schema.py PROGRAM
"""
import copy
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/story.schema.json").read_text(encoding="utf-8"))
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$schema", "$id", "$defs", "$ref", "title", "description", "type", "enum", "const",
         "anyOf", "required", "properties", "additionalProperties", "items", "minItems",
         "maxItems", "minLength", "pattern", "minimum", "maximum"}


def is_type(value, name):
    if name in ("number", "integer"):
        return not isinstance(value, bool) and isinstance(
            value, int if name == "integer" else (int, float))
    return isinstance(value, TYPES[name])


def complaints(value, schema, where=""):
    """What is wrong with a value; only the keywords that the schema uses (KNOWN)."""
    assert not schema.keys() - KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        return complaints(value, SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], where)
    if "anyOf" in schema:
        found = [complaints(value, one, where) for one in schema["anyOf"]]
        return [] if not all(found) else found[0]
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if types and not any(is_type(value, name) for name in types):
        return [f"{where}: not {types}"]
    bad = []
    if "enum" in schema and value not in schema["enum"] or \
            "const" in schema and value != schema["const"]:
        bad.append(f"{where}: {value!r}")
    if isinstance(value, str) and (len(value) < schema.get("minLength", 0) or
                                   not re.search(schema.get("pattern", ""), value)):
        bad.append(f"{where}: {value!r}")
    if is_type(value, "number") and not (schema.get("minimum", value) <= value
                                         <= schema.get("maximum", value)):
        bad.append(f"{where}: {value}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            bad.append(f"{where}: {len(value)} items")
        for i, item in enumerate(value):
            bad += complaints(item, schema.get("items", {}), f"{where}[{i}]")
    if isinstance(value, dict):
        bad += [f"{where}: lacks {key}" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            if key in schema.get("properties", {}):
                bad += complaints(item, schema["properties"][key], f"{where}.{key}")
            elif schema.get("additionalProperties") is False:
                bad.append(f"{where}: unknown {key}")
    return bad


def wrong_ones(story):
    """The story with one thing wrong in each."""
    for path, value in [(["forkreel_story"], 2), (["id"], "A b"), (["language"], "fr"),
                        (["nodes"], []), (["mood"], "x"), (["nodes", 1, "text"], ""),
                        (["nodes", 1, "txt"], "x"), (["nodes", 1, "p_like"], 1.5),
                        (["nodes", 1, "ending"], "sad"), (["nodes", 1, "parents"], ["0"]),
                        (["nodes", 1, "roles", "hero"], "x"), (["facts", 0, "is"], "likes"),
                        (["entities", 0, "kind"], "town"), (["premise"], None),
                        (["nodes", 1, "checks", 0, "passed"], 1)]:
        wrong = copy.deepcopy(story)
        at = wrong
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        yield path, wrong


def parses(program, story):
    with tempfile.NamedTemporaryFile(suffix=".story.json") as file:
        file.write(json.dumps(story).encode())
        file.flush()
        ran = subprocess.run([program, "export", file.name, "--format", "json"],
                             capture_output=True, check=False)
    return ran.returncode == 0


def main():
    program = sys.argv[1]
    try:
        import jsonschema
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        other = jsonschema.Draft202012Validator(SCHEMA).is_valid
    except ImportError:
        other = None
    findings = []
    for path in sorted((ROOT / "tests/data/story").glob("*.story.json")):
        written = subprocess.run([program, "export", str(path), "--format", "json"],
                                 capture_output=True, check=True).stdout
        story = json.loads(written)
        findings += [f"{path.name}{bad}" for bad in complaints(story, SCHEMA)]
        if other and not other(story):
            findings.append(f"{path.name}: jsonschema refuses it")
        if written != path.read_bytes():
            findings.append(f"{path.name}: written otherwise than it was read")
        for place, wrong in wrong_ones(story):
            if not complaints(wrong, SCHEMA) or (other and other(wrong)):
                findings.append(f"the schema takes {place}")
            if parses(program, wrong):
                findings.append(f"the program takes {place}")
    print("\n".join(findings) or f"as promised; jsonschema {'too' if other else 'not there'}")
    return 1 if findings else 0


sys.exit(main())
