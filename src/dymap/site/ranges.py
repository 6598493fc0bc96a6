"""The header `Range`: which bytes of a file a browser asks for."""

from __future__ import annotations

import re

RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")


def asked_bytes(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and stop of what is asked for, of a file of `size` bytes; None: all of it.

    Whatever is no single range of bytes asks for all of it, as the standard has it. Raises ValueError for a range that
    begins behind the end of the file.
    """
    if header is None or (found := RANGE.fullmatch(header.strip())) is None or found[1] == found[2] == "":
        return None
    if found[1] == "":  # the last so many bytes
        first, stop = max(0, size - int(found[2])), size
        if int(found[2]) == 0:
            raise ValueError("no bytes at all")
    else:
        first, stop = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
        if found[2] and int(found[2]) < first:
            return None
    if first >= size:
        raise ValueError(f"what begins at byte {first} of {size}")
    return first, stop
