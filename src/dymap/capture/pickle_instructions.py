"""The instructions that a pickle consists of, one by one; nothing follows them here."""

from __future__ import annotations

import codecs
import io
import pickletools
from collections.abc import Iterator
from typing import Any

_OPCODES = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}


def instructions(file: io.BytesIO) -> Iterator[tuple[str, Any]]:
    """Names of instructions and what goes with them. Text of Python 2 may be bytes: both are read as Latin 1.

    Raises ValueError, and whatever else broken ones bring about.
    """
    while code := file.read(1):
        if code == b"S":
            quoted = file.readline().strip()
            if len(quoted) < 2 or quoted[:1] not in b"'\"" or quoted[-1:] != quoted[:1]:
                raise ValueError("text without quotes")
            yield "STRING", codecs.escape_decode(quoted[1:-1])[0].decode("latin1")
        else:
            opcode = _OPCODES[code]
            yield opcode.name, opcode.arg.reader(file) if opcode.arg else None
    raise ValueError("it has no end")
