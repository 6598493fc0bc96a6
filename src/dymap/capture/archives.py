"""Zip archives of arrays (.npz) from strangers: what they unpack to is bounded before memory is taken for it."""

from __future__ import annotations

import io
import zipfile

MAX_PARTS = 64
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def is_archive(data: bytes) -> bool:
    """Whether a file begins as zip archives do."""
    return data[:4] == b"PK\x03\x04"


def archived_arrays(data: bytes, max_bytes: int) -> dict[str, bytes]:
    """The .npy files of an .npz by their names without the ending. Raises ValueError for other archives, and whatever
    a broken one brings about.

    max_bytes: of all parts together, unpacked.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS or not all(part.filename.endswith(".npy") for part in parts):
            raise ValueError("an archive of other files than arrays")
        if any(part.compress_type not in METHODS or part.flag_bits & 1 for part in parts):
            raise ValueError("an archive that is packed in an unexpected way")
        arrays: dict[str, bytes] = {}
        for part in parts:
            with archive.open(part) as file:
                arrays[part.filename.removesuffix(".npy")] = unpacked = file.read(max_bytes + 1)
            if (max_bytes := max_bytes - len(unpacked)) < 0:
                raise ValueError("an archive that unpacks to more than annotations need")
        return arrays
