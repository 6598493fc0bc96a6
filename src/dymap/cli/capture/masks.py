"""dymap capture masks: what is foreground in the pictures of a capture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap import runs
from dymap.cli.console import say, warn
from dymap.cli.progress import progress_bar
from dymap.config import CaptureConfig
from dymap.runs.commands import asked_options, command

Three = tuple[float, float, float]


def masks(
    data: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of the capture.")],
    method: Annotated[
        Literal["clean-plate", "median", "chroma", "alpha", "model", "refine", "hull"],
        tyro.conf.arg(
            help="clean-plate: the difference to pictures of the empty scene; median: to what is seen most of the "
            "time; chroma: a green or blue screen; alpha: the pictures' own transparency; model: a network; refine: "
            "masks that there are, corrected by the other frames; hull: cleaned by the other cameras."
        ),
    ],
    plates: Annotated[
        Path | None, tyro.conf.arg(help="Pictures of the empty scene: CAMERA.png, or a folder CAMERA of several.")
    ] = None,
    shadow: Annotated[
        float, tyro.conf.arg(help="The darkest that a shadow makes a pixel, as a share of its value; 1: no shadows.")
    ] = 0.6,
    key: Annotated[str, tyro.conf.arg(help="Colour of the screen: auto, green, blue or '#rrggbb'.")] = "auto",
    model: Annotated[Path | None, tyro.conf.arg(help="A segmentation network as an ONNX file.")] = None,
    class_: Annotated[
        tuple[str, ...],
        tyro.conf.arg(name="class", help="Classes of the network that are foreground, such as person=15."),
    ] = (),
    mean: Annotated[Three, tyro.conf.arg(help="Mean of the colours that the network takes.")] = (0.485, 0.456, 0.406),
    std: Annotated[Three, tyro.conf.arg(help="Their standard deviation.")] = (0.229, 0.224, 0.225),
    size: Annotated[int, tyro.conf.arg(help="Longest side for networks that take any size, pixels.")] = 1024,
    overwrite: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Replace the masks that there are.")
    ] = False,
    missing: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Make only the masks that are missing.")
    ] = False,
    layout: Annotated[str, tyro.conf.arg(help="Layout of the capture, if it is not found out.")] = "auto",
) -> int:
    """Make the masks of a capture, put them where its layout has them, and show them on one sheet."""
    made = runs.make_masks(
        data,
        method,
        plates=plates,
        shadow=shadow,
        key=key,
        model=model,
        classes=class_,
        mean=mean,
        std=std,
        size=size,
        existing="overwrite" if overwrite else "keep" if missing else "refuse",
        layout=layout,
        progress=progress_bar,
    )
    for line in lines_of(made):
        say(line)
    for sentence in made.told:
        warn(sentence)
    kept = f" ({made.kept} were there)" if made.kept else ""
    say(f"{made.folder}: {made.made} masks of {len(made.cameras)} cameras{kept}; look at {made.sheet}")
    say(f"next: {command('capture', 'check', data, *asked_options(CaptureConfig(layout=layout)))}")
    return 0


def lines_of(made: runs.MadeMasks) -> Iterator[str]:
    """A line for each camera."""
    for one in made.cameras:
        notes = [
            f"{what} in {frames_text(frames)}"
            for what, frames in (
                ("empty", one.empty),
                ("everything", one.full),
                ("cut off by the picture", one.touching),
                ("another size than before and after", one.jumping),
            )
            if frames
        ]
        say_more = "; ".join(["", *notes])
        yield f"{one.camera}: {one.masks} masks, {one.area:.1%} of the picture{say_more}"


def frames_text(frames: Sequence[int]) -> str:
    """Frame numbers, the first few of many."""
    if len(frames) == 1:
        return f"frame {frames[0]}"
    shown = ", ".join(map(str, frames[:4]))
    return f"{len(frames)} frames ({shown}{', ...' if len(frames) > 4 else ''})"
