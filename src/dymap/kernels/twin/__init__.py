"""The hot loops in plain torch: readable, differentiable, any device. What they compute is the truth."""

from dymap.kernels.twin.adam import adam
from dymap.kernels.twin.convolve import convolve, convolve_squares
from dymap.kernels.twin.encoding import density, encode
from dymap.kernels.twin.hashgrid import collapse_time, hash_encode_3d, hash_encode_at
from dymap.kernels.twin.lattice import density_lattice, largest_around, sum_opacity, total_variation
from dymap.kernels.twin.march import march_intervals
from dymap.kernels.twin.mlp_maps import mlp_maps
from dymap.kernels.twin.planes import sample_planes

__all__ = [
    "adam",
    "collapse_time",
    "convolve",
    "convolve_squares",
    "density",
    "density_lattice",
    "encode",
    "hash_encode_3d",
    "hash_encode_at",
    "largest_around",
    "march_intervals",
    "mlp_maps",
    "sample_planes",
    "sum_opacity",
    "total_variation",
]
