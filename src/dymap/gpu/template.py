"""Shaders out of their templates. `web/gpu/template.js` does the same in the browser.

A template is WGSL with loops that are written out: the lines between `$for NAME COUNT` and `$end`, COUNT times, with
the number of the turn for `$NAME`. COUNT is a number, or the name of a constant. Loops may lie within each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MOST_LINES = 200_000
"""Of a shader: larger ones take minutes to compile."""


def shader(parts: Sequence[str], constants: Mapping[str, int]) -> str:
    """WGSL out of templates, one behind the other, with constants (whole numbers, u32) before them.

    Raises ValueError for a loop that does not end, or whose count is no constant, and for too many lines.
    """
    lines = [f"const {name} = {value}u;" for name, value in constants.items()]
    for part in parts:
        lines += written_out(part.splitlines(), constants)
    return "\n".join(lines) + "\n"


def written_out(lines: Sequence[str], constants: Mapping[str, int]) -> list[str]:
    """The lines with their loops written out."""
    out: list[str] = []
    at = 0
    while at < len(lines):
        found = re.fullmatch(r"\s*\$for (\w+) (\w+)\s*", lines[at])
        if found is None:
            out.append(lines[at])
            at += 1
            continue
        end = end_of_loop(lines, at)
        name, count = found.groups()
        for turn in range(int(count) if count.isdigit() else constants[count]):
            body = [re.sub(rf"\${name}\b", str(turn), line) for line in lines[at + 1 : end]]
            out += written_out(body, constants)
            if len(out) > MOST_LINES:
                raise ValueError(f"a shader of more than {MOST_LINES} lines")
        at = end + 1
    return out


def end_of_loop(lines: Sequence[str], first: int) -> int:
    """The line with the `$end` of the loop that begins at a line."""
    depth = 0
    for at in range(first, len(lines)):
        depth += lines[at].lstrip().startswith("$for ")
        depth -= lines[at].strip() == "$end"
        if depth == 0:
            return at
    raise ValueError(f"a loop without end: {lines[first].strip()}")
