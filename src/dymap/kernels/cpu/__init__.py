"""The native core behind the operations: float32 on the CPU, in the best instruction set that the processor has.

Registered if it was built; otherwise the reference does its work, several times slower.
"""

from dymap.kernels.cpu.core import describe, open_core, why_slow
from dymap.kernels.dispatch import register

if open_core():
    from dymap.kernels.cpu import (  # noqa: F401
        adam,
        convolve,
        depths,
        encoding,
        hashgrid,
        lattice,
        march,
        mlp_maps,
        rans,
        tracer,
    )
    from dymap.kernels.cpu.backend import cpu

    register(cpu)

__all__ = ["describe", "why_slow"]
