"""Merges the parts of the interface description that idl.sh reads from the program's tests into one file.

Reads the tests' output, writes JSON. Lists whose order means nothing are sorted, so that equal programs give equal bytes.
"""

import json
import re
import sys


def parts(output):
    """Yields (kind, value) for each part printed between its markers."""
    pattern = r"^--- IDL begin (\w+) ---\n(.*?)^--- IDL end \1 ---$"
    for kind, text in re.findall(pattern, output, re.MULTILINE | re.DOTALL):
        yield kind, json.loads(text)


def short(value):
    """Drops the Rust paths of type names: `crate::module::Type` is `Type`."""
    if isinstance(value, dict):
        return {key: short(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [short(inner) for inner in value]
    if isinstance(value, str) and re.fullmatch(r"\w+(::\w+)+", value):
        return value.rsplit("::", 1)[1]
    return value


def drop_expressions(program):
    """Drops addresses with a seed that Rust computes: readers of the description know paths of names only."""
    for account in (account for instruction in program["instructions"] for account in instruction["accounts"]):
        paths = [seed["path"] for seed in account.get("pda", {}).get("seeds", []) if "path" in seed]
        if not all(re.fullmatch(r"\w+(\.\w+)*", path) for path in paths):
            del account["pda"]


def merge(output):
    address, program, events, errors, types = None, None, [], [], {}
    for kind, value in parts(output):
        if kind == "address":
            address = value
        elif kind == "program":
            program = value
        elif kind == "event":
            events.append(value["event"])
            types.update({kind["name"]: kind for kind in value["types"]})
        elif kind == "errors":
            errors = value
    if program is None or address is None:
        sys.exit("idl.py: the tests printed no interface description")
    drop_expressions(program)
    types.update({kind["name"]: kind for kind in program.get("types", [])})
    program["address"] = address
    program["accounts"] = sorted(program.get("accounts", []), key=lambda account: account["name"])
    program["events"] = sorted(events, key=lambda event: event["name"])
    program["errors"] = sorted(errors, key=lambda error: error["code"])
    program["types"] = [types[name] for name in sorted(types)]
    names = [short(kind["name"]) for kind in program["types"]]
    if len(names) != len(set(names)):
        sys.exit("idl.py: two types share a name; rename one")
    return short(program)


json.dump(merge(sys.stdin.read()), sys.stdout, indent=2, ensure_ascii=False)
print()
