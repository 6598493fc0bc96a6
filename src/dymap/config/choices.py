"""What options of commands can be and what they are by default: known before anything that computes is imported."""

from __future__ import annotations

from typing import Literal

RendererName = Literal["march", "fast", "volume", "gpu"]
"""march: occupied voxels only, exact (method.md 8); fast: the same with shortcuts, for real time; volume: samples of
the whole box (method.md 5); gpu: march on a GPU, in the kernels of browsers (extra `gpu`)."""
ViewerRenderer = Literal["fast", "march", "gpu"]
"""Those of them that the viewer offers."""
Layer = Literal["rgb", "depth", "acc", "diff"]
"""What a film shows: colours, distance, opacity, error to what was filmed."""
Backdrop = Literal["black", "white", "transparent"]
"""What is behind the person of a film."""
EngineName = Literal["pool", "ray"]
"""Who does the parts of long work. pool: processes of this machine; ray: a cluster of Ray."""
FIXED_TIME_VIEWS = 100
"""Images of a film of one frame, as published."""
MeshFormat = Literal["ply", "glb", "obj"]
"""Kinds of files for surfaces."""
VOXEL = 0.005
"""Metres between the lattice points of a surface; the published value."""
LEVEL = 5.0
"""Raw density at a surface; the published value."""
HOST, PORT = "127.0.0.1", 8080
"""Where the viewer listens."""
INTERRUPTED = 130
"""Exit code of a command that was interrupted."""
