"""The renderers used last, one a frame and name, kept while they fit into memory; the next one is made ahead."""

from __future__ import annotations

from collections.abc import Callable

from dymap.recent import Recent, share_of_memory
from dymap.render.renderer import Renderer, RendererKey, RendererName

MAX_BYTES = 8 * 2**30
"""Renderers take at most this, or a quarter of the physical memory if that is less."""


class RendererCache(Recent[RendererKey, Renderer]):
    """Least recently used renderers, so that neither a standing time nor a short clip that repeats decodes twice.

    make: makes a renderer (see `renderer_maker` in renderer.py). max_bytes: what all may take together; the one used
    last always stays. May be used from several threads; each renderer is made by one of them, the others wait.
    """

    def __init__(self, make: Callable[[RendererKey], Renderer], max_bytes: int | None = None):
        super().__init__(make, share_of_memory(MAX_BYTES) if max_bytes is None else max_bytes)

    def get(self, frame: int, name: RendererName = "march") -> Renderer:
        """The renderer of the frame at a position. Raises what making it raises."""
        return self.take(RendererKey(frame, name))

    def ready(self, frame: int, name: RendererName = "march") -> bool:
        """Whether the renderer is here already."""
        return self.has(RendererKey(frame, name))

    def prefetch(self, frame: int, name: RendererName = "march") -> None:
        """Make a renderer in the background, unless it is here. Of several requests the newest waits for its turn."""
        self.ahead(RendererKey(frame, name))
