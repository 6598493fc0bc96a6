"""The dance: a closed loop of poses, one per phase in [0, 1).

The hips circle inside a hula hoop, the feet take turns to leave the floor (one knee lifts to the front, the other
heel flicks to the back) and the arms follow one another from overhead to in front of the chest. Every curve is a
sum of sines of the phase, so the loop closes with continuous velocity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dymap.sample.frames import Array, Frame, about_x, about_y, about_z, along, two_bone_joint, unit

THIGH, SHIN = 0.425, 0.415
UPPER_ARM, FOREARM = 0.275, 0.245
ANKLE_HEIGHT = 0.085
HOOP_RADIUS = 0.43
WAIST = np.array([0.156, 0.124, 0.0])  # half widths of the waist to the middle of the hoop's tube

# Where a hand passes at each quarter of the loop, from the middle between the shoulders in the chest's frame
# (x outwards on the hand's own side), metres: overhead, out to the side, across the chest, in front of the face.
HAND_KEYS = np.array([[0.18, -0.14, 0.44], [0.56, -0.14, 0.22], [0.00, -0.36, -0.08], [0.06, -0.36, 0.26]])


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm. shoulder, elbow, wrist: [3] world, metres; side: +1 left, -1 right; hand: frame at the wrist."""

    side: int
    shoulder: Array
    elbow: Array
    wrist: Array
    hand: Frame


@dataclass(frozen=True, eq=False)
class Leg:
    """One leg. hip, knee, ankle: [3] world, metres; side: +1 left, -1 right; foot: frame at the ankle."""

    side: int
    hip: Array
    knee: Array
    ankle: Array
    foot: Frame


@dataclass(frozen=True, eq=False)
class Pose:
    """All bones at one moment. pelvis, waist, chest (between the shoulders), head (its centre) and hoop frames."""

    pelvis: Frame
    waist: Frame
    chest: Frame
    head: Frame
    hoop: Frame
    tail: tuple[Array, ...]
    arms: tuple[Arm, Arm]
    legs: tuple[Leg, Leg]


def loop_through(keys: Array, phase: float) -> Array:
    """The smoothest periodic curve through four keys [4, 3] at phases 0, 1/4, 1/2, 3/4 -> [3]."""
    angle = 2 * np.pi * phase
    mean = keys.mean(axis=0)
    cosine, sine = (keys[0] - keys[2]) / 2, (keys[1] - keys[3]) / 2
    double = (keys[0] - keys[1] + keys[2] - keys[3]) / 4
    return mean + cosine * np.cos(angle) + sine * np.sin(angle) + double * np.cos(2 * angle)


def _arm(chest: Frame, side: int, phase: float) -> Arm:
    mirror = np.array([side, 1.0, 1.0])
    shoulder = chest.point(mirror * (0.168, 0.0, 0.0))
    target = chest.point(mirror * loop_through(HAND_KEYS, phase))
    pole = chest.axes @ (mirror * (0.75, 0.35, -0.45))
    elbow, wrist = two_bone_joint(shoulder, target, (UPPER_ARM, FOREARM), pole)
    lower = unit(wrist - elbow)
    bend = 0.35 * np.sin(2 * np.pi * phase + 0.8) * chest.axes[:, 2]
    return Arm(side, shoulder, elbow, wrist, along(wrist, wrist + lower + bend, -chest.axes[:, 1] - 0.3 * lower))


def _leg(pelvis: Frame, side: int, lift: float) -> Leg:
    """lift: 0 with the foot on the floor to 1 at its highest."""
    hip = pelvis.point((side * 0.088, 0.0, -0.02))
    swing = np.array([-0.06, -0.27, 0.33]) if side > 0 else np.array([-0.05, 0.36, 0.27])
    toes_out, toes_down = 0.28, (0.75 if side > 0 else 1.15)
    target = np.array([side * 0.125, 0.02, ANKLE_HEIGHT]) + lift * swing
    foot_axes = about_z(side * toes_out * (1 - 0.5 * lift)) @ about_x(toes_down * lift)
    pole = pelvis.axes @ np.array([side * 0.22, -1.0, 0.0])
    knee, ankle = two_bone_joint(hip, target, (THIGH, SHIN), pole)
    return Leg(side, hip, knee, ankle, Frame(ankle, foot_axes))


def dance(phase: float) -> Pose:
    """The pose at `phase` of the loop (any real number; the loop has period 1)."""
    angle = 2 * np.pi * phase
    sway = np.array([-np.sin(angle), np.cos(angle), 0.0])  # the hips' circle: over the foot that stays down

    height = 0.895 + 0.012 * np.cos(2 * angle)
    pelvis_axes = about_z(-0.30 * np.sin(angle + 0.5)) @ about_y(0.13 * np.sin(angle)) @ about_x(0.05 * np.cos(angle))
    pelvis = Frame(np.array([0.075, 0.055, 0.0]) * sway + [0.0, 0.0, height], pelvis_axes)
    waist = pelvis.child((0.0, 0.0, 0.115), about_z(0.25 * np.sin(angle + 0.5)) @ about_y(-0.16 * np.sin(angle)))
    turn = about_z(0.42 * np.sin(angle + 0.7)) @ about_y(-0.10 * np.sin(angle)) @ about_x(0.05 * np.sin(2 * angle))
    chest = waist.child((0.0, 0.0, 0.16), turn).child((0.0, 0.005, 0.225))
    nod = about_z(0.38 * np.sin(angle - 0.6)) @ about_y(0.20 * np.sin(angle + 0.9))
    head = chest.child((0.0, -0.01, 0.105), nod @ about_x(0.10 * np.cos(2 * angle))).child((0.0, -0.008, 0.135))

    # The hoop touches the side of the waist that pushes outwards and stands off on the other.
    stand_off = HOOP_RADIUS - np.linalg.norm(WAIST * sway)
    middle = waist.origin - stand_off * sway + [0.0, 0.0, 0.012]
    tilt = unit((0.20 * sway[0] - 0.06 * sway[1], 0.20 * sway[1] + 0.06 * sway[0], 1.0))
    ring = along(np.zeros(3), tilt, np.array([0.0, -1.0, 0.0]))
    hoop = Frame(middle, ring.axes @ about_z(angle))

    # The pony tail lags a quarter beat behind the head, more so towards its end.
    drag = [about_y(0.45 * np.sin(angle - 0.9 - lag)) @ about_x(0.20 * np.cos(angle - lag)) for lag in (0.0, 0.5, 1.0)]
    root = head.point((0.0, 0.100, 0.075))
    links = [(0.0, 0.055, 0.015), (0.0, 0.050, -0.075), (0.0, 0.012, -0.105)]
    tail = [root]
    for turn_link, link in zip(drag, links, strict=True):
        tail.append(tail[-1] + head.axes @ turn_link @ np.asarray(link))

    lifts = (max(np.sin(angle), 0.0) ** 2, max(-np.sin(angle), 0.0) ** 2)
    return Pose(
        pelvis=pelvis,
        waist=waist,
        chest=chest,
        head=head,
        hoop=hoop,
        tail=tuple(tail),
        arms=(_arm(chest, 1, phase), _arm(chest, -1, phase + 0.5)),
        legs=(_leg(pelvis, 1, lifts[0]), _leg(pelvis, -1, lifts[1])),
    )
