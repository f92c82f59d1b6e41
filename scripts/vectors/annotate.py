"""Writes the hex of the fenced examples anew from the JSON below them: python3 scripts/vectors/annotate.py [--check] FILE.md ..."""
import json
import re
import sys
from pathlib import Path

import qanat_wire as wire

FENCE = re.compile(r"^```hex (frame|batch|entry)([^\n]*)\n(.*?)^```$", re.M | re.S)
COLUMN = 42


def lines_of(kind, words, example):
    if kind == "frame":
        return wire.frame_parts(words[0], words[1], example)
    return wire.batch_parts(example) if kind == "batch" else wire.entry_parts(example)


def hex_lines(parts):
    for data, comment, depth in parts:
        chunks = [data[at : at + 16] for at in range(0, len(data), 16)] or [b""]
        for i, chunk in enumerate(chunks):
            text = "  " * depth + chunk.hex(" ", -4) if chunk else ""
            yield f"{text:<{COLUMN}}# {comment}" if i == 0 else text


def fill(match):
    kind, info, body = match.groups()
    at = body.index("{") if body.lstrip().startswith("{") else body.index("\n{") + 1
    example = json.loads(body[at:])
    shown = "\n".join(hex_lines(lines_of(kind, info.split(), example)))
    return f"```hex {kind}{info}\n{shown}\n\n{body[at:].rstrip()}\n```"


def main():
    check = "--check" in sys.argv
    stale = 0
    for name in sys.argv[1:]:
        if name == "--check":
            continue
        path = Path(name)
        before = path.read_text()
        after = FENCE.sub(fill, before)
        if before != after:
            stale += 1
            print(f"{name}: {'stale' if check else 'written'}")
            if not check:
                path.write_text(after)
    sys.exit(1 if check and stale else 0)


main()
