"""How many bytes, in words."""

from __future__ import annotations


def bytes_text(count: int) -> str:
    """Bytes in words: 0.5 GB, 20.0 MB, 0.3 kB."""
    for least, scale, unit in ((1e8, 1e9, "GB"), (1e6, 1e6, "MB")):
        if count >= least:
            return f"{count / scale:.1f} {unit}"
    return f"{count / 1e3:.1f} kB"
