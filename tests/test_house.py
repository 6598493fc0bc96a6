"""The rules of the house: who may import whom, no star imports, no fixed devices."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "dymap"
FOUNDATION = {"config", "errors", "files", "geometry", "pictures"}
ALLOWED: dict[str, set[str]] = {
    "config": set(),
    "errors": set(),
    "geometry": set(),
    "_core": set(),
    "_version": set(),
    "kernels": {"_core"},
    "files": {"errors"},
    "pictures": {"files"},
    "presets": {"config", "errors"},
    "field": FOUNDATION | {"kernels"},
    "render": FOUNDATION | {"kernels", "field"},
    "bake": FOUNDATION | {"kernels", "field", "render"},
    "video": FOUNDATION | {"kernels", "field"},
    "capture": FOUNDATION,
    "sample": FOUNDATION | {"capture"},
    "play": FOUNDATION | {"kernels", "field", "render", "bake", "video", "capture"},
    "train": FOUNDATION | {"kernels", "field", "render", "capture"},
    "evaluate": FOUNDATION | {"render", "capture"},
    "runs": FOUNDATION
    | {"_version", "presets", "kernels", "field", "bake", "video", "capture", "sample", "play", "train", "evaluate"},
    "cli": {"runs", "presets", "config", "errors", "files"},
    "__main__": {"cli"},
    "__init__": {"_version", "geometry", "render", "play"},
}
"""What each part may know, besides itself. `dymap.runs` is imported by `dymap` when it is first used."""

FILES = sorted(SOURCE.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SOURCE)) for path in FILES])


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
    for line, name in imported_modules(ast.parse(path.read_text()), path):
        names = name.split(".")
        if names[0] == "dymap":
            found.add((line, names[1] if len(names) > 1 else "dymap"))
    return found


@each_file
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    assert part in ALLOWED, f"{part} is a new part of the house: say in ALLOWED what it may know"
    for line, other in house_parts(path):
        assert other == part or other in ALLOWED[part], f"{path.name}:{line}: {part} may not know {other}"


def test_rules_have_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(ALLOWED):
        ready = [part for part, known in ALLOWED.items() if part not in order and known <= set(order)]
        assert ready, f"circle among {set(ALLOWED) - set(order)}"
        order += ready


@pytest.mark.parametrize("part", ["field", "render", "bake"])
def test_the_representation_does_not_know_what_was_filmed(part: str) -> None:
    assert not ALLOWED[part] & {"capture", "train", "play", "evaluate", "cli"}


@each_file
def test_no_star_imports(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"{path.name}:{node.lineno}"


@each_file
def test_devices_come_from_tensors(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr != "cuda", f"{path.name}:{node.lineno}: .cuda()"


@each_file
def test_nothing_from_a_file_is_executed(path: Path) -> None:
    """No pickle loading outside the restricted unpickler, no eval, no torch.load that runs code."""
    for node in ast.walk(ast.parse(path.read_text())):
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
    silent = [path for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent, f"no docstring: {silent}"


def test_a_wrong_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker sees imports in functions, for types, and relative ones."""
    (tmp_path / "field").mkdir()
    file = tmp_path / "field" / "new.py"
    file.write_text("def f():\n    from ..capture import Capture\nimport dymap.cli\nfrom dymap import train\n")
    monkeypatch.setattr("tests.test_house.SOURCE", tmp_path)
    assert house_parts(file) == {(2, "capture"), (3, "cli"), (4, "train")}
