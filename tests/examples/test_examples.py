"""The examples are the documentation: they are short, every name in their text is true, and all of them run."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLES, names_of

ROOT = Path(__file__).parents[2]
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])


def test_they_are_numbered_without_gaps() -> None:
    assert [path.name[:3] for path in EXAMPLES] == [f"{number:02d}_" for number in range(1, len(EXAMPLES) + 1)]
    assert len(EXAMPLES) >= 8


@each_example
def test_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 80


@each_example
def test_its_docstring_says_how_to_run_it(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text is not None
    number = path.name[:2]
    assert f"\n    python examples/{path.name} --out out/{number}" in text
    options = inspect.signature(names_of(number)["main"]).parameters
    assert options["out"].default == Path(f"out/{number}")
    for option in re.findall(r"--(\w+)", text):
        assert option in options, f"--{option} is none of {list(options)}"


@each_example
def test_is_run_by_a_test(path: Path) -> None:
    assert f'"{path.name[:2]}", ' in "".join(
        test.read_text() for test in Path(__file__).parent.glob("*.py") if test.name != Path(__file__).name
    )


def test_examples_that_texts_name_exist() -> None:
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("*.py"), *EXAMPLES]
    for text in texts:
        for name in re.findall(r"examples/(\d\d_\w+\.py)", text.read_text()):
            assert (ROOT / "examples" / name).is_file(), f"{text.name} names examples/{name}"
