"""The GPU: which one, in what numbers it computes, buffers, and kernels run one after the other."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.gpu.template import shader

Numbers = Literal["f32", "packed", "f16"]
"""How planes lie in memory, and what networks lie and compute in: f32: 32 bits; packed: 16 and 32; f16: 16 and 16, with
sums of 32."""
WIDE = ("max-storage-buffer-binding-size", "max-buffer-size")
"""Limits that are asked for as the adapter has them; all others are those that every adapter has."""
MOST_GROUPS = 65535
INSTALL = "pip install 'dymap[gpu]'"


class Gpu:
    """A device. numbers: default f16 if it has them, else packed. Calls of several threads follow one another."""

    def __init__(self, adapter: Any, numbers: Numbers | None = None):
        self.adapter = adapter
        half = "shader-f16" in adapter.features
        self.numbers: Numbers = numbers or ("f16" if half else "packed")
        if self.numbers == "f16" and not half:
            raise InputError(f"{describe_adapter(adapter)} computes no numbers of 16 bits")
        limits = {name: adapter.limits[name] for name in WIDE if name in adapter.limits}
        features = ["shader-f16"] if self.numbers == "f16" else []
        self.device = adapter.request_device_sync(required_features=features, required_limits=limits)
        self.lock = threading.RLock()
        self.most_bytes = int(self.device.limits["max-storage-buffer-binding-size"])
        self._kernels: dict[tuple[str, ...], Any] = {}

    def kernel(self, name: str, parts: Sequence[str], constants: Mapping[str, int]) -> Any:
        """A compute pipeline: `web/gpu/NAME.wgsl` behind other parts, whose names are given in the same way."""
        files = [f"numbers_{self.numbers}", *parts, name]
        text = shader([source(file) for file in files], constants)
        text = "enable f16;\n" + text if self.numbers == "f16" else text
        with self.lock:
            if (text,) not in self._kernels:
                module = self.device.create_shader_module(code=text, label=name)
                compute = {"module": module, "entry_point": "main"}
                self._kernels[text,] = self.device.create_compute_pipeline(layout="auto", compute=compute)
            return self._kernels[text,]

    def buffer(self, size: int, what: str) -> Any:
        """Memory of so many bytes, zeros, that kernels read and write. Raises InputError if the device has no such."""
        import wgpu

        if size > self.most_bytes:
            raise InputError(
                f"{what} takes {size / 2**20:.0f} MiB, {describe_adapter(self.adapter)} binds at most "
                f"{self.most_bytes / 2**20:.0f} MiB; choose --renderer fast"
            )
        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
        return self.device.create_buffer(size=max(-(-size // 16) * 16, 16), usage=usage)

    def upload(self, array: NDArray[Any], what: str) -> Any:
        """A buffer that holds an array."""
        data = np.ascontiguousarray(array)
        buffer = self.buffer(data.nbytes, what)
        if data.nbytes:
            self.device.queue.write_buffer(buffer, 0, data)
        return buffer

    def uniform(self, *values: NDArray[Any]) -> Any:
        """A small buffer of numbers, one behind the other, which `write` changes."""
        import wgpu

        data = b"".join(np.ascontiguousarray(value).tobytes() for value in values)
        usage = wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST
        buffer = self.device.create_buffer(size=-(-len(data) // 16) * 16, usage=usage)
        self.device.queue.write_buffer(buffer, 0, data)
        return buffer

    def write(self, buffer: Any, data: NDArray[Any]) -> None:
        self.device.queue.write_buffer(buffer, 0, np.ascontiguousarray(data))

    def bind(self, pipeline: Any, *buffers: Any) -> Any:
        """Buffers as the bindings 0, 1, ... of a pipeline."""
        entries = [{"binding": k, "resource": {"buffer": buffer}} for k, buffer in enumerate(buffers)]
        return self.device.create_bind_group(layout=pipeline.get_bind_group_layout(0), entries=entries)

    def run(self, *steps: tuple[Any, Any, tuple[int, int, int]]) -> None:
        """Run kernels, each seeing what those before it wrote. steps: pipeline, bindings, workgroups along x, y, z."""
        encoder = self.device.create_command_encoder()
        compute = encoder.begin_compute_pass()
        for pipeline, bindings, groups in steps:
            compute.set_pipeline(pipeline)
            compute.set_bind_group(0, bindings)
            compute.dispatch_workgroups(*groups)
        compute.end()
        self.device.queue.submit([encoder.finish()])

    def read(self, buffer: Any, count: int) -> NDArray[np.float32]:
        """The first so many floats of a buffer, when all kernels before are done."""
        return np.frombuffer(self.device.queue.read_buffer(buffer, 0, 4 * count), dtype=np.float32)


def groups_of(count: int, size: int = 64) -> tuple[int, int]:
    """Workgroups along x and y that hold so many invocations, within what one axis may have."""
    groups = -(-count // size)
    down = max(1, -(-groups // MOST_GROUPS))
    return -(-groups // down), down


@functools.cache
def source(name: str) -> str:
    """The text of a shader's part."""
    return (resources.files("dymap") / "web" / "gpu" / f"{name}.wgsl").read_text(encoding="utf-8")


@functools.cache
def default_gpu(numbers: Numbers | None = None) -> Gpu:
    """The machine's GPU, opened once; one in software only if there is no other.

    Raises InputError without wgpu, and without any.
    """
    found = adapters()
    if not found:
        raise InputError(
            "the renderer 'gpu' found no GPU that Vulkan, Metal or DX12 reaches; install its driver, or one in "
            "software (Debian: mesa-vulkan-drivers)"
        )
    return Gpu(found[0], numbers)


def adapters() -> list[Any]:
    """The machine's GPUs, the best first. Raises InputError without wgpu."""
    try:
        import wgpu
    except ImportError:
        raise InputError(f"the renderer 'gpu' needs the package wgpu: {INSTALL}") from None
    from wgpu.backends.wgpu_native import extras

    with contextlib.suppress(RuntimeError):  # if the program has used wgpu before
        extras.set_instance_extras(backends=["Primary"])
    with _without_screen():
        return sorted(wgpu.gpu.enumerate_adapters_sync(), key=_rank)


@contextlib.contextmanager
def _without_screen() -> Iterator[None]:
    """Drivers look for a screen, and where nobody is logged in they complain that its folder has no name (Linux)."""
    name = "XDG_RUNTIME_DIR"
    if name in os.environ:
        yield
        return
    os.environ[name] = tempfile.gettempdir()
    try:
        yield
    finally:
        os.environ.pop(name, None)


KINDS = ("DiscreteGPU", "IntegratedGPU", "VirtualGPU", "CPU")


def _rank(adapter: Any) -> int:
    kind = adapter.info["adapter_type"]
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def describe_adapter(adapter: Any) -> str:
    """What people are told of an adapter: `llvmpipe (LLVM 15.0.6, 256 bits), Vulkan`."""
    return f"{adapter.info['device']}, {adapter.info['backend_type']}"
