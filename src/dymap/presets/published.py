"""The thirteen published experiments (method.md 11), as data."""

from __future__ import annotations

from dymap.config import CaptureConfig, Config, FieldConfig, RenderConfig, TrainConfig

ZJUMOCAP = ("313", "315", "377", "386", "387", "390", "392", "393", "394")

# Rigid transforms of the world (rows), by which cameras and vertices of the NHR sequences are moved.
_COURT = (
    0.90630779, -0.07338689, 0.41619774, 2.0,
    0.42261826, 0.1573787, -0.89253894, -5.13,
    0.0, 0.98480775, 0.17364818, 2.85,
    0.0, 0.0, 0.0, 1.0,
)  # fmt: skip
TRANSFORMS = {
    "sport1": (
        1.0, 0.0, 0.0, 0.0,
        0.0, 0.17364818, -0.98480775, -3.88852744,
        0.0, 0.98480775, 0.17364818, 2.16014765,
        0.0, 0.0, 0.0, 1.0,
    ),
    "sport2": _COURT,
    "sport3": (
        0.98480775, -0.04494346, 0.16773126, -0.75454014,
        -0.17364818, -0.254887, 0.95125124, -4.9550868,
        0.0, -0.96592583, -0.25881905, 1.9544816,
        0.0, 0.0, 0.0, 1.0,
    ),
    "basketball": _COURT,
}  # fmt: skip

SPORT_PATH = (39, 38, 37, 36, 29, 28, 23, 22, 15, 14, 13, 12, 5, 4, 55, 54, 47, 46, 45, 44)
BASKETBALL_PATH = (
    23, 22, 15, 14, 13, 12, 5, 4, 63, 62, 55, 54, 47, 46, 45, 44, 65, 64, 39, 38, 37, 36, 29, 28,
)  # fmt: skip

# linspace(0, 56, 6) without its end, as integers: none of these is trained on, and only some are tested.
_HELD_OUT = (0, 9, 18, 28, 37, 46)
_NHR_TRAIN = tuple(view for view in range(56) if view not in _HELD_OUT)


def _zjumocap() -> Config:
    capture = CaptureConfig(
        layout="zjumocap",
        ratio=0.5,
        frames=(0, 300, 1),
        train_views=tuple(range(0, 21, 2)),
        test_views=tuple(range(1, 21, 2)),
        test_frame_step=30,
    )
    return Config(capture=capture)  # everything else is the published default


def _nhr(name: str) -> Config:
    basketball = name == "basketball"
    capture = CaptureConfig(
        layout="nhr",
        ratio=0.5,
        frames=(0, 100, 1),
        train_views=_NHR_TRAIN,
        test_views=tuple(view for view in _HELD_OUT if view not in ((0, 9, 18) if basketball else (0, 9))),
        test_frame_step=10,
        edge_band=True,
        transform=TRANSFORMS[name],
        options={"mask_labels": [9, 16, 18]} if basketball else {},
        path_views=BASKETBALL_PATH if basketball else SPORT_PATH,
        viewer_box_scale=0.8,
        viewer_box_shift=(0.0, 0.0, 0.3 if basketball else 0.4),
    )
    return Config(
        field=FieldConfig(codes="encoder", encoder_views=(1, 23, 38), directions="sh", direction_degree=3),
        capture=capture,
        render=RenderConfig(max_samples=288 if basketball else 160),
        train=TrainConfig(items=8, steps=350 * 500),
    )


PRESETS: dict[str, Config] = {f"zjumocap/{name}": _zjumocap() for name in ZJUMOCAP}
PRESETS |= {f"nhr/{name}": _nhr(name) for name in TRANSFORMS}
