"""The rules of the house: who may import whom, no star imports, no fixed devices."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "dymap"
FOUNDATION = {
    "config",
    "errors",
    "files",
    "geometry",
    "mapped",
    "partials",
    "pictures",
    "progress",
    "recent",
    "signals",
}
"""What everybody may know."""
BELOW = {
    "field": {"kernels"},
    "gpu": {"field", "kernels"},
    "render": {"field", "kernels"},
    "video": {"field", "kernels"},
}
"""Rooms, and what lies below them on the way down: whoever knows a room may know these too."""
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "config": set(),
    "geometry": set(),
    "_core": set(),
    "_version": set(),
    "mapped": set(),
    "partials": set(),
    "progress": set(),
    "signals": set(),
    "recent": {"signals"},
    "files": {"errors", "partials"},
    "pictures": {"files"},
    "presets": {"config", "errors"},
    "kernels": {"_core"},
    "field": {"kernels"},
    "gpu": {"field"},
    "render": {"field", "gpu"},
    "bake": {"field"},
    "video": {"field"},
    "capture": set(),
    "sample": {"capture"},
    "play": {"video", "render"},
    "site": set(),
    "stage": {"play", "video", "render"},
    "train": {"render", "capture", "video"},
    "evaluate": {"capture", "render"},
    "runs": {
        "train",
        "evaluate",
        "play",
        "stage",
        "bake",
        "capture",
        "video",
        "sample",
        "presets",
        "_version",
        "render",
        "gpu",
        "site",
    },
    "cli": {"runs", "presets", "_version"},
    "__main__": {"cli"},
    "__init__": {"play", "render", "runs", "_version"},
}
"""What each room may know, besides itself, the foundation and what lies below. `dymap.runs` is imported by `dymap` when
it is first used."""
WITHOUT_FOUNDATION = {
    "errors", "config", "geometry", "mapped", "partials", "progress", "recent", "signals", "files", "pictures",
    "kernels", "presets", "_core", "_version",
}  # fmt: skip


def allowed(part: str) -> set[str]:
    known = set(ARROWS[part])
    for room in ARROWS[part]:
        known |= BELOW.get(room, set())
    return known if part in WITHOUT_FOUNDATION else known | FOUNDATION


FILES = sorted(SOURCE.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SOURCE)) for path in FILES])


@cache
def tree_of(path: Path) -> ast.Module:
    """What a file says."""
    return ast.parse(path.read_text())


def part_of(path: Path) -> str:
    """The part of the house a file belongs to: its folder, or its own name at the top."""
    relative = path.relative_to(SOURCE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported_modules(tree: ast.AST, path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported anywhere in a file, for types and in functions too."""
    package = ("dymap", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def house_parts(path: Path) -> set[tuple[int, str]]:
    """(line, part) of the house that a file imports."""
    found = set()
    for line, name in imported_modules(tree_of(path), path):
        names = name.split(".")
        if names[0] == "dymap":
            found.add((line, names[1] if len(names) > 1 else "dymap"))
    return found


@each_file
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    assert part in ARROWS, f"{part} is a new room of the house: say in ARROWS what it may know"
    for line, other in house_parts(path):
        assert other == part or other in allowed(part), f"{path.name}:{line}: {part} may not know {other}"


def test_rules_have_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(ARROWS):
        ready = [part for part in ARROWS if part not in order and allowed(part) <= set(order)]
        assert ready, f"circle among {set(ARROWS) - set(order)}"
        order += ready


@pytest.mark.parametrize("part", ["field", "render", "bake", "video"])
def test_the_representation_does_not_know_what_was_filmed(part: str) -> None:
    assert not allowed(part) & {"capture", "train", "play", "evaluate", "runs", "cli"}


def module_of(path: Path) -> str:
    """The dotted name of a file; a room's `__init__.py` is the room."""
    parts = ("dymap", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph() -> dict[str, set[str]]:
    """Which files of the house each file imports, for types too: a name is the file that it is, or that holds it."""
    modules = {module_of(path): path for path in FILES}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        found = {
            name if name in modules else name.rpartition(".")[0]
            for _, name in imported_modules(tree_of(path), path)
            if name != "dymap._core"  # which is compiled, and imports nothing
        }
        graph[module] = {name for name in found if name in modules and name != module}
    return graph


def test_no_two_files_import_each_other() -> None:
    """Nor do any others in a circle, for types either: files are taken away that import nothing that is left."""
    graph = import_graph()
    assert sum(map(len, graph.values())) > 500
    while free := [module for module, known in graph.items() if not known & graph.keys()]:
        for module in free:
            del graph[module]
    assert not graph, f"circle among {sorted(graph)}"


@each_file
def test_no_star_imports(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"{path.name}:{node.lineno}"


@each_file
def test_devices_come_from_tensors(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr != "cuda", f"{path.name}:{node.lineno}: .cuda()"


@each_file
def test_nothing_from_a_file_is_executed(path: Path) -> None:
    """No pickle loading outside the restricted unpickler, no eval, no torch.load that runs code."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Call):
            continue
        where = f"{path.name}:{node.lineno}"
        if isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), where
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            called = (node.func.value.id, node.func.attr)
            assert called not in (("pickle", "load"), ("pickle", "loads")), where
            options = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
            if called == ("torch", "load"):
                assert options.get("weights_only") is True, where
            if called == ("np", "load"):
                assert not options.get("allow_pickle"), where


def test_every_file_says_what_it_is() -> None:
    silent = [path for path in FILES if not ast.get_docstring(tree_of(path))]
    assert not silent, f"no docstring: {silent}"


def test_a_wrong_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker sees imports in functions, for types, and relative ones."""
    (tmp_path / "field").mkdir()
    file = tmp_path / "field" / "new.py"
    file.write_text("def f():\n    from ..capture import Capture\nimport dymap.cli\nfrom dymap import train\n")
    monkeypatch.setattr("tests.test_house.SOURCE", tmp_path)
    assert house_parts(file) == {(2, "capture"), (3, "cli"), (4, "train")}


def test_every_walk_is_short() -> None:
    """Each table of CONTRIBUTING's walks: at most eight files, and at most two that it returns to."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    walks = re.findall(r"\| file \| what happens to the number \|\n\|---\|---\|\n((?:\|.*\|\n)+)", text)
    assert len(walks) == 4
    for walk in walks:
        rows = [row.split("|")[1].strip() for row in walk.splitlines()]
        assert len({row.removesuffix(" ↩") for row in rows}) <= 8
        assert sum(row.endswith("↩") for row in rows) <= 2
        assert len(rows) == len({row.removesuffix(" ↩") for row in rows}) + sum(row.endswith("↩") for row in rows)


ABOUT_BACK_ENDS = {"available", "describe", "device_of", "dispatch", "register", "running", "using", "cpu", "reference"}


@each_file
def test_nobody_outside_kernels_asks_which_back_end_runs(path: Path) -> None:
    """But for `dymap info`, which tells."""
    if part_of(path) == "kernels" or path == SOURCE / "runs" / "machine.py":
        return
    for line, name in imported_modules(tree_of(path), path):
        part = name.removeprefix("dymap.kernels.").split(".")[0] if name.startswith("dymap.kernels.") else ""
        assert part not in ABOUT_BACK_ENDS, f"{path.name}:{line}: {name}"


@each_file
def test_pictures_are_written_and_read_as_bytes(path: Path) -> None:
    """OpenCV opens no file whose name has other letters than ASCII on Windows, and does not say when a disk is full."""
    calls = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
    assert not calls & {"imwrite", "imread", "VideoWriter", "VideoCapture", "FileStorage"}
