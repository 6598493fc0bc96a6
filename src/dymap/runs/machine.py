"""What dymap runs on here, in rows of a name and a value: kernels, Python, torch, GPUs."""

from __future__ import annotations

import platform

import torch

from dymap._version import __version__
from dymap.errors import InputError, printable
from dymap.gpu.device import INSTALL, adapters, describe_adapter
from dymap.kernels import describe, why_slow
from dymap.runs.packed_facts import Rows


def machine_rows() -> Rows:
    """All of it."""
    return [
        ("dymap", __version__),
        ("kernels", describe()),
        *([("slow", slow)] if (slow := why_slow()) else []),
        ("python", platform.python_version()),
        ("torch", f"{torch.__version__}, {torch.get_num_threads()} threads"),
        ("GPU", torch_gpus()),
        ("wgpu", wgpu_adapter()),
    ]


def torch_gpus() -> str:
    """On what torch trains and renders (--device), besides the CPU."""
    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return "; ".join(
            f"cuda:{index} {printable(one.name)}, {one.total_memory / 2**30:.0f} GiB" for index, one in enumerate(found)
        )
    return "mps (Apple)" if torch.backends.mps.is_available() else "none that torch reaches; the CPU trains and renders"


def wgpu_adapter() -> str:
    """On what --renderer gpu draws."""
    try:
        found = adapters()
    except InputError:
        return f"not installed; --renderer gpu needs it: {INSTALL}"
    except Exception as error:  # of a driver
        return f"cannot be used ({printable(str(error))})"
    if not found:
        return "finds no GPU that Vulkan, Metal or DX12 reaches"
    software = ", in software" if found[0].info["adapter_type"] == "CPU" else ""
    return f"{printable(describe_adapter(found[0]))}{software}; --renderer gpu draws there"
