"""The hot loops of the house: operations on tensors, whose callers never ask who computes them.

`reference` declares each operation once, in plain torch: the truth. `cpu` is the native core behind it. `dispatch`
chooses between back ends by the device and type of the tensors. The variable DYMAP_KERNELS forces one of the core's
instruction sets (avx512, avx2, portable) or the reference (torch); DYMAP_REQUIRE_NATIVE=1 makes a missing core an
error.
"""

from dymap.kernels.cpu import describe, why_slow
from dymap.kernels.dispatch import Backend, Operation, available, device_of, operation, register, running, using
from dymap.kernels.reference.adam import AdamStep, adam
from dymap.kernels.reference.compositing import MIN_TRANSMITTANCE, MIN_WEIGHT, opacity, ray_weights
from dymap.kernels.reference.convolve import PackedConv, pack_conv
from dymap.kernels.reference.depths import Depths, hull_depths
from dymap.kernels.reference.encoding import density, encode
from dymap.kernels.reference.hashgrid import (
    HashLevels,
    collapse_time,
    collapse_time_into,
    hash_encode_3d,
    hash_encode_at,
    keep_gradient,
)
from dymap.kernels.reference.lattice import density_lattice, max_pool, opacity_sum, total_variation
from dymap.kernels.reference.march import march_intervals
from dymap.kernels.reference.mlp_maps import CellWeights, cell_weights, mlp_maps
from dymap.kernels.reference.planes import ALL_PLANES, PLANE_AXES, sample_planes
from dymap.kernels.reference.rans import rans_decode, rans_encode
from dymap.kernels.reference.tracer import BLOCK, Cancel, Rows, Traced, Tracer, open_tracer
from dymap.kernels.reference.winograd import WinogradConv, pack_winograd

__all__ = [
    "ALL_PLANES",
    "BLOCK",
    "MIN_TRANSMITTANCE",
    "MIN_WEIGHT",
    "PLANE_AXES",
    "AdamStep",
    "Backend",
    "Cancel",
    "CellWeights",
    "Depths",
    "HashLevels",
    "Operation",
    "PackedConv",
    "Rows",
    "Traced",
    "Tracer",
    "WinogradConv",
    "adam",
    "available",
    "cell_weights",
    "collapse_time",
    "collapse_time_into",
    "density",
    "density_lattice",
    "describe",
    "device_of",
    "encode",
    "hash_encode_3d",
    "hash_encode_at",
    "hull_depths",
    "keep_gradient",
    "march_intervals",
    "max_pool",
    "mlp_maps",
    "opacity",
    "opacity_sum",
    "open_tracer",
    "operation",
    "pack_conv",
    "pack_winograd",
    "rans_decode",
    "rans_encode",
    "ray_weights",
    "register",
    "running",
    "sample_planes",
    "total_variation",
    "using",
    "why_slow",
]
