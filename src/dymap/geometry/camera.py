"""Cameras: OpenCV pinhole with lens distortion (method.md 9).

Axes: x right, y down, z forward; X_cam = R X + T; metres; pixel (i, j) = (column, row) has its centre at the
integer position, plus `pixel_offset` if a capture asks for something else. All arithmetic is float64 numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dymap.geometry.lens import Lens, coefficients
from dymap.geometry.pose import rotation_fault

Array = NDArray[np.float64]
ROUNDED = 1e-6
"""By how much what belongs to the lower rows of K may differ from 0, 0, 0, 1: files round."""
MAX_SIDE = 65535
"""Pixels an image may be wide or high: more than JPEG knows."""


def _no_distortion() -> Array:
    return np.zeros(5)


@dataclass(frozen=True, eq=False, repr=False)
class Camera:
    """One calibrated camera.

    K: [3, 3] intrinsics in pixels.  R: [3, 3], T: [3] world to camera, metres.
    D: [5, 8, 12 or 14] OpenCV distortion (k1 k2 p1 p2 k3 ...; four become five), or [4] of a `fisheye` lens; zeros for
    an ideal one (geometry/lens.py).
    pixel_offset: where in a pixel its ray passes: 0 = the integer position, 0.5 = half a pixel further.
    Raises ValueError for what no lens has, and for an R that is no rotation.
    """

    K: Array
    R: Array
    T: Array
    width: int
    height: int
    D: Array = field(default_factory=_no_distortion)
    name: str = ""
    pixel_offset: float = 0.0
    lens: Lens = "opencv"

    def __post_init__(self) -> None:
        shapes = {"K": (3, 3), "R": (3, 3), "T": (3,)}
        for key, shape in shapes.items():
            value = np.array(getattr(self, key), dtype=np.float64)
            if value.size != int(np.prod(shape)):
                raise ValueError(f"camera {self.name!r}: {key} has shape {value.shape}, expected {shape}")
            if not np.isfinite(value).all():
                raise ValueError(f"camera {self.name!r}: {key} holds values that are not finite")
            object.__setattr__(self, key, value.reshape(shape))
        try:
            object.__setattr__(self, "D", coefficients(self.D, self.lens))
        except ValueError as error:
            raise ValueError(f"camera {self.name!r}: {error}") from None
        if not np.isfinite(self.D).all():
            raise ValueError(f"camera {self.name!r}: D holds values that are not finite")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"camera {self.name!r}: image size {self.width}x{self.height} is not positive")
        if max(self.width, self.height) > MAX_SIDE:
            raise ValueError(
                f"camera {self.name!r}: image size {self.width}x{self.height}, expected {MAX_SIDE} at most"
            )
        K = self.K
        if abs(K[1, 0]) <= ROUNDED * abs(K[1, 1]) and np.abs(K[2] - (0, 0, 1)).max() <= ROUNDED:
            K[1, 0], K[2] = 0, (0, 0, 1)
        if not (self.K[0, 0] > 0 and self.K[1, 1] > 0) or self.K[1, 0] != 0 or (self.K[2] != (0, 0, 1)).any():
            raise ValueError(
                f"camera {self.name!r}: K is {self.K.tolist()}, expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with "
                "focal lengths above 0"
            )
        if (fault := rotation_fault(self.R)) is not None:
            raise ValueError(f"camera {self.name!r}: R is no rotation ({fault}); expected world to camera")
        if not abs(self.pixel_offset) <= 1:
            raise ValueError(f"camera {self.name!r}: pixel_offset {self.pixel_offset}, expected 0 to 1")

    def __repr__(self) -> str:
        """One line, whatever the name holds."""
        place = ", ".join(f"{x:.2f}" for x in self.position)
        lens = f"focal length {self.K[0, 0]:.0f} pixels{', distorted' if self.distorted else ''}"
        return f"<Camera {self.name[:40]!r}: {self.width} x {self.height}, {lens}, at ({place}) m>"

    @property
    def position(self) -> Array:
        """[3] the camera's centre in the world, metres: -R^T T."""
        return -self.R.T @ self.T

    @property
    def extrinsics(self) -> Array:
        """[4, 4] world to camera."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.R, self.T
        return matrix

    @property
    def distorted(self) -> bool:
        """Whether its picture differs from a pinhole's; a fisheye's does with all coefficients zero."""
        return self.lens == "fisheye" or bool(np.any(self.D != 0))

    def undistorted(self) -> Camera:
        """The camera after its images were undistorted with K kept as the new camera matrix."""
        return replace(self, D=np.zeros(5), lens="opencv")

    def scaled(self, ratio: float) -> Camera:
        """The camera of images resized by `ratio`: rows 0 and 1 of K are multiplied (method.md 9)."""
        K = self.K.copy()
        K[:2] *= ratio
        return replace(self, K=K, width=int(self.width * ratio), height=int(self.height * ratio))

    def resized(self, width: int, height: int) -> Camera:
        """The same view in an image of `width` x `height` pixels, columns and rows scaled independently.

        For sizes of the camera's own aspect, but for rounding: at another one it stretches, and `fitted` is meant.
        """
        K = self.K.copy()
        K[0] *= width / self.width
        K[1] *= height / self.height
        return replace(self, K=K, width=width, height=height)

    def fitted(self, width: int, height: int) -> Camera:
        """The same camera with an image of `width` x `height` pixels, whose pixels keep their shape.

        The field of view stays along the side that is the shorter one against the camera's own image, and widens along
        the other, by as much on both sides: all that the camera saw is still seen, and nothing is stretched. At the
        camera's own aspect it is `resized`.
        """
        scale = min(width / self.width, height / self.height)
        K = self.K.copy()
        K[:2] *= scale
        K[:2, 2] += (np.array([width, height]) - scale * np.array([self.width, self.height])) / 2
        return replace(self, K=K, width=width, height=height)

    def moved(self, extrinsics: ArrayLike) -> Camera:
        """The same lens at another pose. extrinsics: [4, 4] or [3, 4] world to camera."""
        matrix = np.asarray(extrinsics, dtype=np.float64)
        return replace(self, R=matrix[:3, :3], T=matrix[:3, 3])

    def transformed(self, transform: ArrayLike) -> Camera:
        """The camera in a world moved by the rigid M [4, 4]: [R|T] <- [R|T] M^-1 (method.md 9)."""
        return self.moved(self.extrinsics @ np.linalg.inv(np.asarray(transform, dtype=np.float64)))

    def project(self, points: ArrayLike) -> tuple[Array, Array]:
        """World points [N, 3], metres -> pixel positions [N, 2] (column, row) and depths [N] along z, metres.

        Distortion is left out: positions are those of the undistorted image.
        """
        local = np.asarray(points, dtype=np.float64) @ self.R.T + self.T
        depth = local[:, 2]
        image = local @ self.K.T
        return image[:, :2] / image[:, 2:3] - self.pixel_offset, depth


def look_at(position: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> tuple[Array, Array]:
    """World-to-camera R [3, 3] and T [3] of a camera at `position` that looks at `target`; `up` is the world's up.

    All in world coordinates, metres. Raises ValueError if the view direction is parallel to `up`.
    """
    eye = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - eye
    right = np.cross(forward, np.asarray(up, dtype=np.float64))
    if np.linalg.norm(right) < 1e-9 * max(float(np.linalg.norm(forward)), 1e-9):
        raise ValueError("the view direction is parallel to `up`")
    forward = forward / np.linalg.norm(forward)
    right = right / np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    return R, -R @ eye


def up_direction(cameras: Sequence[Camera]) -> Array:
    """[3] unit, world: what is up if the cameras were held level.

    Level cameras have their x axes in the horizontal plane, whichever way they are pitched: up is perpendicular to all
    of them, on the side of the mean camera. If all look the same way it is the mean camera's; z without cameras.
    """
    x, y = (np.array([camera.R[k] for camera in cameras]).reshape(-1, 3) for k in (0, 1))
    up = -y.sum(axis=0)
    spread, axes = np.linalg.eigh(x.T @ x)
    if spread[1] > 0.01 * spread[2]:
        up = axes[:, 0] * (1 if axes[:, 0] @ up >= 0 else -1)
    length = np.linalg.norm(up)
    return up / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
