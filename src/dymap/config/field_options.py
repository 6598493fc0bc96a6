"""Options of the representation, see options.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from dymap.config.bounds import VIEWS, Checked, Few, PowerOfTwo, Within
from dymap.config.sizes import check_memory, decoder_parameters, hash_sizes

ENCODER_SIZE = 512
"""Width and height of the images that the image encoder takes, pixels (method.md 4)."""


@dataclass(frozen=True)
class HashConfig(Checked, part="field.hash"):
    """Time-dependent hash grids (method.md 2)."""

    levels: Annotated[int, Within(1, 64)] = 16
    """Resolutions, from `base` to `finest` in equal ratios."""
    log2_size: Annotated[int, Within(1, 28)] = 19
    """At most 2^log2_size entries a level."""
    features: Annotated[int, Within(1, 64)] = 2
    """Channels of an entry; levels * features is the channel count of the planes too."""
    base: Annotated[int, Within(2, 4096)] = 16
    """Resolution of the coarsest level."""
    finest: Annotated[int, Within(2, 16384)] = 1024
    """Resolution of the finest level."""
    time_share: Annotated[float, Within(0, 1, above=True)] = 1.0
    """The clip takes this share of the time axis. Below 1 neighbouring frames share entries (not as published)."""

    def check(self) -> None:
        if self.finest < self.base:
            raise ValueError(f"field.hash.finest = {self.finest}: expected field.hash.base = {self.base} or more")


@dataclass(frozen=True)
class FieldConfig(Checked, part="field"):
    """The representation (method.md 1-4)."""

    hash: HashConfig = HashConfig()
    """Its time-dependent hash grids."""
    codes: Literal["embedding", "encoder"] = "embedding"
    """Latent codes: learned for each frame, or computed by an image encoder from fixed cameras."""
    encoder_views: Annotated[tuple[int, ...], VIEWS, Few(64)] = ()
    """Positions among the training views of the image encoder's cameras."""
    code_dim: Annotated[int, Within(1, 65536)] = 256
    """Length of a frame's latent code."""
    width: Annotated[int, Within(4, 16384)] = 256
    """Channels of the decoder's first layers; the planes are made from width / 4."""
    plane_size: Annotated[int, PowerOfTwo(8, 8192)] = 256
    """P: feature and density planes are P x P."""
    map_size: Annotated[int, PowerOfTwo(1, 8192)] = 16
    """S: MLP maps are S x S."""
    hidden: Annotated[int, Within(1, 4096)] = 32
    """H: hidden units of a tiny MLP."""
    layers: Literal[2, 3] = 3
    """Layers of a tiny MLP."""
    overlap: bool = True
    """Blend the four networks around a sample (on), or use the one whose cell it is in (off)."""
    directions: Literal["fourier", "sh"] = "fourier"
    """Embedding of viewing directions: Fourier features, or spherical harmonics."""
    direction_degree: Annotated[int, Within(0, 16)] = 2
    """Frequencies of the Fourier embedding, or the degree of the spherical harmonics."""

    def check(self) -> None:
        if self.map_size > self.plane_size or (self.overlap and self.map_size < 2):
            least = "from 2 (field.overlap blends neighbours) " if self.overlap else ""
            raise ValueError(
                f"field.map_size = {self.map_size}: expected a power of two {least}up to field.plane_size = "
                f"{self.plane_size}"
            )
        if self.directions == "sh" and not 1 <= self.direction_degree <= 4:
            raise ValueError(f"field.direction_degree = {self.direction_degree}: expected 1 to 4 with directions = sh")
        if self.codes == "encoder" and not self.encoder_views:
            raise ValueError("field.encoder_views is empty: field.codes = encoder needs encoder_views")
        if len(set(self.encoder_views)) < len(self.encoder_views):
            raise ValueError(f"field.encoder_views = {self.encoder_views}: expected each view once")
        h, C = self.hash, self.channels
        entries, vertices = hash_sizes(h.levels, h.log2_size, h.base, h.finest)
        sizes = self.code_dim, self.width, self.plane_size, self.map_size, C, self.map_params
        stored = 3 * entries * h.features + decoder_parameters(*sizes)
        frame = 3 * (2 * C * self.plane_size**2 + self.map_size**2 * self.map_params + vertices * h.features)
        check_memory(stored, frame)

    @property
    def channels(self) -> int:
        """C: channels of the feature and density planes."""
        return self.hash.levels * self.hash.features

    @property
    def view_dim(self) -> int:
        """V: length of the view embedding."""
        if self.directions == "fourier":
            return 3 * (2 * self.direction_degree + 1)
        return self.direction_degree**2

    @property
    def map_params(self) -> int:
        """Parameters of one tiny MLP."""
        C, V, H = self.channels, self.view_dim, self.hidden
        return C * H + (H + V) * H + H * 3 if self.layers == 3 else (C + V) * H + H * 3
