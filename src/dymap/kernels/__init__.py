"""The hot loops of the house, and the one place that decides which implementation runs.

Every operation exists in plain torch in `dymap.kernels.twin`; a native core, where there is one, replaces names here
and nowhere else. Callers import from `dymap.kernels` only.
"""

from dymap.kernels.twin.gather import gather_sum
from dymap.kernels.twin.hashgrid import HashLevels, collapse_time, hash_encode, hash_encode_at
from dymap.kernels.twin.march import march_intervals
from dymap.kernels.twin.mlp_maps import CellWeights, cell_weights, mlp_maps
from dymap.kernels.twin.planes import ALL_PLANES, PLANE_AXES, sample_planes


def backend() -> str:
    """Which implementation runs, in one word."""
    return "torch"


__all__ = [
    "ALL_PLANES",
    "PLANE_AXES",
    "CellWeights",
    "HashLevels",
    "backend",
    "cell_weights",
    "collapse_time",
    "gather_sum",
    "hash_encode",
    "hash_encode_at",
    "march_intervals",
    "mlp_maps",
    "sample_planes",
]
