"""The dancer: shapes placed on the bones of a pose, dressed in materials and labelled.

Labels are those of the LIP human-parsing set, whose colours a schp mask holds; the hoop, which the set does not know,
takes the label of a scarf.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from dymap.sample.dance import HOOP_RADIUS, Arm, Leg, Pose, dance
from dymap.sample.frames import Array, Frame, along, inverse_affine, unit
from dymap.sample.materials import Material, face, gingham, plain, shirt, spokes, strands, stripes
from dymap.sample.shapes import Ball, Box, Cut, Ring, RoundCone, Shape

HAT, HAIR, CLOTHES, SOCKS, PANTS, PROP, FACE = 1, 2, 5, 8, 9, 11, 13
LEFT_ARM, RIGHT_ARM, LEFT_SHOE, RIGHT_SHOE = 14, 15, 18, 19

HOOP_TUBE = 0.018


@dataclass(frozen=True, eq=False)
class Part:
    """One shape of the figure.

    to_world: [3, 4] shape's local frame to world, metres.  to_texture: [3, 4] world to the rigid frame of the paint.
    bone: parts on the same bone do not shade one another.
    """

    shape: Shape
    to_world: Array
    to_texture: Array
    material: Material
    label: int
    bone: str

    @cached_property
    def to_local(self) -> Array:
        """[3, 4] world to the shape's local frame."""
        return inverse_affine(self.to_world)

    @cached_property
    def corners(self) -> Array:
        """[3, 8] corners of a box around the part, world, metres."""
        box = np.array(list(product(*zip(*self.shape.bounds(), strict=True)))).T
        return self.to_world[:, :3] @ box + self.to_world[:, 3:]

    def surface(self, count: int) -> Array:
        """[3, about count] points on the part's surface, world, metres."""
        return self.to_world[:, :3] @ self.shape.surface(count) + self.to_world[:, 3:]


@cache
def wardrobe() -> dict[str, Material]:
    """Every material by name."""
    skin, cream, indigo, coral, mustard = "#e3a985", "#f6ecdb", "#2c3264", "#e8654f", "#eab04a"
    return {
        "skin": Material(plain(skin), 0.10),
        "face": Material(face(skin, "#b04a48", "#e58873", "#3a2418", "#3b2320"), 0.10),
        "hair": Material(strands("#33201d", "#5b3a2e", 26), 0.35),
        "band": Material(plain(mustard)),
        "shirt": Material(shirt(cream, indigo, coral)),
        "sleeve": Material(stripes(cream, indigo, 0.042, 0.36, start=0.0)),
        "trousers": Material(gingham("#6fb3b0", "#14555f", 6, 0.084)),
        "seat": Material(gingham("#6fb3b0", "#14555f", 10, 0.084)),
        "cuff": Material(plain("#bfe0da")),
        "sock": Material(stripes(mustard, cream, 0.024, 0.35)),
        "shoe": Material(plain(coral), 0.12),
        "sole": Material(plain("#fbf6ec"), 0.05),
        "hoop": Material(spokes((coral, mustard, cream), 20), 0.5),
    }


def _place(
    shape: Shape,
    frame: Frame,
    material: str,
    label: int,
    bone: str,
    scale: ArrayLike = (1.0, 1.0, 1.0),
    paint_frame: Frame | None = None,
) -> Part:
    texture = inverse_affine((paint_frame or frame).affine())
    return Part(shape, frame.affine(scale), texture, wardrobe()[material], label, bone)


def _limb(a: Array, b: Array, radii: tuple[float, float], front: Array, material: str, label: int, bone: str) -> Part:
    """A round cone from a to b ([3], world)."""
    return _place(RoundCone(float(np.linalg.norm(b - a)), *radii), along(a, b, front), material, label, bone)


def _cuff(a: Array, b: Array, radii: tuple[float, float], front: Array, material: str, label: int, bone: str) -> Part:
    """A round cone from a to b cut square at b: the end of a sleeve or a trouser leg."""
    length = float(np.linalg.norm(b - a))
    shape = Cut(RoundCone(length, *radii), ((0.0, 0.0, 1.0, length),))
    return _place(shape, along(a, b, front), material, label, bone)


def _torso(pose: Pose) -> list[Part]:
    seat, waist, chest = pose.pelvis, pose.waist, pose.chest
    flat = (1.0, 0.76, 1.0)
    hem = Cut(RoundCone(0.135, 0.141, 0.1215), ((0.0, 0.0, -1.0, 0.066),))
    yoke = along(chest.point((-0.118, 0.004, -0.012)), chest.point((0.118, 0.004, -0.012)), -chest.axes[:, 1])
    neck = chest.child((0.0, 0.005, 0.015))
    return [
        _place(RoundCone(0.10, 0.128, 0.118), seat.child((0, 0, -0.035)), "seat", PANTS, "pelvis", (1.12, 0.82, 1.0)),
        _place(hem, waist, "shirt", CLOTHES, "belly", flat, chest),
        _place(RoundCone(0.17, 0.123, 0.146), chest.child((0, 0, -0.25)), "shirt", CLOTHES, "chest", flat, chest),
        _place(RoundCone(0.236, 0.073, 0.073), yoke, "shirt", CLOTHES, "chest", paint_frame=chest),
        _place(Ball(), chest.child((0, 0.012, 0.03)), "shirt", CLOTHES, "chest", (0.105, 0.062, 0.050), chest),
        _place(RoundCone(0.10, 0.051, 0.046), neck, "skin", FACE, "neck"),
    ]


def _head(pose: Pose) -> list[Part]:
    head = pose.head
    front = -head.axes[:, 1]
    skull = RoundCone(0.090, 0.058, 0.0845)
    crown = head.child((0.0, 0.001, 0.024))
    hairline = unit((0.0, 0.66, 0.75))
    # The hairline is a plane that rises towards the front; the band sits between two more, a little behind it.
    cap = Cut(Ball(), ((*(-hairline), 0.13),))
    band = Cut(Ball(), ((*(-hairline), -0.10), (*hairline, 0.27)))
    parts = [
        _place(skull, head.child((0.0, -0.010, -0.060)), "face", FACE, "head", (0.98, 1.10, 1.0), head),
        _place(Ball(), head.child((0.0, -0.098, -0.018)), "skin", FACE, "head", (0.0115, 0.016, 0.017)),
        _place(cap, crown, "hair", HAIR, "head", (0.0935, 0.111, 0.105), head),
        _place(band, crown, "band", HAT, "head", (0.0965, 0.1140, 0.1080)),
        *(
            _place(Ball(), head.child((x, 0.008, -0.008)), "skin", FACE, "head", (0.012, 0.020, 0.027))
            for x in (-0.086, 0.086)
        ),
        _place(Ball(), Frame(pose.tail[0], head.axes), "band", HAT, "head", (0.030, 0.026, 0.030)),
    ]
    widths = (0.030, 0.043, 0.038, 0.014)
    for i in range(3):
        ends = pose.tail[i], pose.tail[i + 1]
        parts.append(_limb(*ends, (widths[i], widths[i + 1]), front, "hair", HAIR, "tail"))
    return parts


def _arm(arm: Arm, chest: Frame) -> list[Part]:
    side = "left" if arm.side > 0 else "right"
    skin = LEFT_ARM if arm.side > 0 else RIGHT_ARM
    front = -chest.axes[:, 1]
    hem = arm.shoulder + 0.56 * (arm.elbow - arm.shoulder)
    palm = arm.hand
    thumb = unit((-0.75 * arm.side, -0.3, 0.6))
    wrist = arm.wrist + 0.14 * (arm.elbow - arm.wrist)
    return [
        _cuff(arm.shoulder, hem, (0.066, 0.060), front, "sleeve", CLOTHES, f"{side} upper arm"),
        _limb(arm.shoulder, arm.elbow, (0.050, 0.039), front, "skin", skin, f"{side} upper arm"),
        _limb(arm.elbow, arm.wrist, (0.039, 0.027), front, "skin", skin, f"{side} forearm"),
        _cuff(wrist, arm.wrist, (0.0335, 0.0315), front, "band", skin, f"{side} forearm"),
        _place(Ball(), palm.child((0.0, 0.0, 0.045)), "skin", skin, f"{side} hand", (0.036, 0.019, 0.052)),
        _place(RoundCone(0.060, 0.024, 0.012), palm.child((0, 0, 0.075)), "skin", skin, f"{side} hand", (1.2, 0.6, 1)),
        _limb(
            palm.point((-0.018 * arm.side, 0.0, 0.030)),
            palm.point(np.array([-0.018 * arm.side, 0.0, 0.030]) + 0.055 * thumb),
            (0.014, 0.009),
            palm.axes[:, 0],
            "skin",
            skin,
            f"{side} hand",
        ),
    ]


def _leg(leg: Leg, pelvis: Frame) -> list[Part]:
    side = "left" if leg.side > 0 else "right"
    shoe = LEFT_SHOE if leg.side > 0 else RIGHT_SHOE
    front = -pelvis.axes[:, 1]
    hem = leg.knee + 0.79 * (leg.ankle - leg.knee)
    roll, rolled = (leg.knee + share * (leg.ankle - leg.knee) for share in (0.70, 0.80))
    foot = leg.foot
    sole = foot.child((0.0, -0.052, -0.060))
    upper = Cut(Ball(), ((0.0, 0.0, -1.0, 0.42),))
    # A round cone along the foot, wide at the toes, cut flat below: -z of the foot is the floor's side.
    toes = along(foot.point((0, 0.042, -0.050)), foot.point((0, -0.118, -0.058)), foot.axes[:, 2])
    return [
        _limb(leg.hip, leg.knee, (0.094, 0.069), front, "trousers", PANTS, f"{side} thigh"),
        _cuff(leg.knee, hem, (0.0705, 0.064), front, "trousers", PANTS, f"{side} shin"),
        _cuff(roll, rolled, (0.071, 0.070), front, "cuff", PANTS, f"{side} shin"),
        _limb(hem, leg.ankle, (0.043, 0.037), front, "sock", SOCKS, f"{side} shin"),
        _place(RoundCone(0.160, 0.036, 0.042), toes, "shoe", shoe, f"{side} foot", (1.0, 0.72, 1.0)),
        _place(upper, foot.child((0.0, 0.012, -0.030)), "shoe", shoe, f"{side} foot", (0.042, 0.060, 0.062)),
        _place(
            Cut(RoundCone(0.165, 0.041, 0.047), ((0.0, 1.0, 0.0, 0.014), (0.0, -1.0, 0.0, 0.014))),
            along(sole.point((0, 0.095, -0.011)), sole.point((0, -0.070, -0.011)), foot.axes[:, 2]),
            "sole",
            shoe,
            f"{side} foot",
        ),
        _place(Box((0.017, 0.030, 0.004)), foot.child((0.0, -0.052, -0.018)), "sole", shoe, f"{side} foot"),
    ]


def dancer(phase: float) -> list[Part]:
    """All parts of the figure and its hoop at `phase` of the loop."""
    pose = dance(phase)
    return [
        *_torso(pose),
        *_head(pose),
        *(part for arm in pose.arms for part in _arm(arm, pose.chest)),
        *(part for leg in pose.legs for part in _leg(leg, pose.pelvis)),
        _place(Ring(HOOP_RADIUS, HOOP_TUBE), pose.hoop, "hoop", PROP, "hoop"),
    ]


def surface_points(phase: float, count: int = 400) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """[n, 3] float32 points on the surfaces of figure and hoop, world, metres; up to `count` per part."""
    return np.concatenate([part.surface(count) for part in dancer(phase)], axis=1).T.astype(np.float32)
