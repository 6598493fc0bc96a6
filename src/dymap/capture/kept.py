"""What was carved from the masks, kept beside the prepared images: a checksum and the compressed bytes.

The checksum is also over a mark of all that the bytes were made from. What is damaged or of other things is as good as
not there, and is carved again.
"""

from __future__ import annotations

import hashlib
import warnings
import zlib
from pathlib import Path

from dymap.errors import InputError
from dymap.files import replacing

SUM_BYTES = 32


def read_kept(path: Path, mark: str) -> bytes | None:
    """The bytes that were kept under this mark; None if there are none, or others, or they are damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    packed = data[SUM_BYTES:]
    return zlib.decompress(packed) if data[:SUM_BYTES] == _checksum(mark, packed) else None


def keep(path: Path, mark: str, content: bytes) -> None:
    """Keep bytes for the next command. A cache that cannot be written is warned of: the work is done anyway."""
    packed = zlib.compress(content, 1)
    try:
        with replacing(path) as partial:
            partial.write_bytes(_checksum(mark, packed) + packed)
    except InputError as error:
        warnings.warn(
            f"{path.parent}: what is carved from the masks cannot be kept, and is carved again by the next command "
            f"({getattr(error.__cause__, 'strerror', None) or error})",
            stacklevel=2,
        )


def _checksum(mark: str, packed: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(mark.encode()).digest() + packed).digest()
