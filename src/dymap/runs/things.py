"""What a file or a folder is that is not what a command takes, and what to do with it."""

from __future__ import annotations

import re
from pathlib import Path

from dymap.capture.layouts import is_capture
from dymap.errors import InputError
from dymap.runs.commands import command

CAPTURES = "captures are folders of images or videos with their cameras (docs/captures.md)"
FILMS = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mts"}
PICTURES = {".jpg", ".jpeg", ".png", ".exr", ".tif", ".tiff", ".bmp", ".webp"}
SURFACES = {".ply", ".obj", ".glb", ".gltf", ".fbx", ".stl"}
MODELS = {".pth", ".pt", ".ckpt", ".tar"}
ARCHIVES = {".zip", ".gz", ".tgz", ".7z", ".rar"}
CHECKPOINT = re.compile(r"step-\d+\.safetensors")
CAMERAS = {
    "cameras and images for NeRF tools": ("transforms.json", "transforms_train.json"),
    "a calibration of EasyMocap": ("intri.yml", "extri.yml"),
    "a reconstruction of COLMAP": ("cameras.bin", "cameras.txt", "sparse", "colmap", "database.db"),
    "cameras of LLFF": ("poses_bounds.npy",),
}
"""What says where the cameras of a capture stand, and the names by which it is known."""
MANY = 1000
"""Entries of a folder that are looked at."""


def check_known(place: Path) -> None:
    """Raise InputError that says what the path is and what to do, if it is known and no command takes it here."""
    if found := what_it_is(place):
        raise InputError(f"{place}: {found}")


def check_playable(place: Path) -> None:
    """Raise InputError if the path is neither a run's folder nor a file that could be a baked one."""
    if not (place / "config.json").is_file() and not (place / "video.dymap").is_file():
        check_known(place)


def what_it_is(place: Path) -> str | None:
    """What is known about a path that is not what was expected, and what to do; None: nothing."""
    try:
        if not place.exists():
            return "no such file or folder"
        return of_folder(place) if place.is_dir() else of_file(place)
    except (OSError, ValueError) as error:
        return f"cannot be read ({error})"


def of_file(file: Path) -> str | None:
    """Of a file, by its name."""
    ending, folder = file.suffix.lower(), file.parent
    if CHECKPOINT.fullmatch(file.name):
        return f"a checkpoint of a training; name the folder of its run, {folder.parent}"
    if file.name == "config.json" or (file.name == "log.jsonl" and (folder / "config.json").exists()):
        return f"part of a run; name its folder, {folder}"
    if file.name == "metrics.json":
        return "numbers of an evaluation; name the folder of the run that they belong to"
    if file.name == "annots.npy":
        return f"the cameras of a capture; name its folder, {folder}"
    for kind, names in CAMERAS.items():
        if file.name in names:
            more = "; as a path of a film: dymap render RUN --cameras FILE" if ending == ".json" else ""
            return f"{kind}; name the folder of the capture that they belong to{more}"
    kinds = (
        (
            FILMS,
            "a film; of several cameras they become a capture: dymap capture import FILMS --calibration FILE --out DIR",
        ),
        (PICTURES, f"a picture; {CAPTURES}"),
        (SURFACES, "a mesh or a cloud of points; dymap writes them (dymap mesh) and reads none"),
        (MODELS, "a model of torch; if it is a released one: dymap import-model FILE --preset NAME --out RUN"),
        (ARCHIVES, "an archive; unpack it and name the folder"),
        ({".json"}, "a JSON file; name the folder of a run or of a capture, or a baked file (.dymap)"),
        ({".yml", ".yaml"}, f"a YAML file; calibrations are read with the folder that they are in: {CAPTURES}"),
    )
    return next((sentence for endings, sentence in kinds if ending in endings), None)


def of_folder(folder: Path) -> str | None:
    """Of a folder, by what is in it."""
    if (folder / "config.json").is_file():
        return f"a run, not a capture; `{command('info', folder)}` says what comes next"
    if is_capture(folder):
        return f"a capture, not a run; `{command('info', folder)}` says which command trains on it"
    if (folder.parent / "config.json").is_file():
        return f"part of a run; name its folder, {folder.parent}"
    inside = [entry for entry, _ in zip(sorted(folder.iterdir()), range(MANY), strict=False)]
    names = {entry.name for entry in inside}
    if any(CHECKPOINT.fullmatch(name) for name in names):
        return f"checkpoints of a training; name the folder of its run, {folder.parent}"
    for kind, known in CAMERAS.items():
        if found := sorted(names.intersection(known)):
            return f"{kind} ({found[0]}), but no whole capture; {CAPTURES}"
    below = [entry for entry in inside if entry.is_dir()]
    for word, test in (("runs", lambda entry: (entry / "config.json").is_file()), ("captures", is_capture)):
        if found := [str(entry) for entry in below if test(entry)]:
            more = f", and {len(found) - 3} more" if len(found) > 3 else ""
            return f"a folder above {word}; name one of them: {', '.join(found[:3])}{more}"
    baked = [entry for entry in inside if entry.suffix == ".dymap"]
    if baked:
        return f"a folder of baked files; name one of them: {baked[0]}"
    for endings, word in ((FILMS, "films"), (PICTURES, "pictures"), (SURFACES, "meshes")):
        if any(entry.suffix.lower() in endings for entry in inside):
            return f"a folder of {word} without cameras; {CAPTURES}"
    return None
