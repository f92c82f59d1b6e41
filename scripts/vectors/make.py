"""Writes the codec and function vectors of the specification: python3 scripts/vectors/make.py [--check]

The expected values come from this folder, never from the implementation that they test.
"""
import json
import sys

import authentication_sessions
import cases
import name_server_sessions
import sessions
import websocket_sessions
from qanat_wire import ROOT

FOLDER = ROOT / "spec" / "v1" / "vectors"


def pretty(value):
    """JSON with one case in a line, so that a change of one case is a change of one line."""
    head = json.dumps({key: item for key, item in value.items() if key not in ("cases", "steps")}, indent=2, ensure_ascii=False)
    name = "steps" if "steps" in value else "cases"
    rows = ",\n".join("    " + json.dumps(item, ensure_ascii=False) for item in value[name])
    return head[:-2] + f',\n  "{name}": [\n{rows}\n  ]\n}}\n'


def main():
    check = "--check" in sys.argv
    stale = []
    files = {f"{family['id']}.json": pretty(family) for family in cases.families()}
    played = [*sessions.all_sessions(), *authentication_sessions.all_sessions(), *name_server_sessions.all_sessions(), *websocket_sessions.all_sessions()]
    files |= {f"sessions/{session['id']}.json": pretty(session) for session in played}
    for name, text in files.items():
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text)
    print(f"{len(files)} vector files, {len(stale)} {'stale' if check else 'written'}: {' '.join(stale)}")
    sys.exit(1 if check and stale else 0)


main()
