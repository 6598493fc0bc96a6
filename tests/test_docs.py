"""README, CONTRIBUTING and docs: links lead somewhere, files and options that they name exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from dymap.cli import COMMANDS, GROUP, main
from dymap.config import Config, flatten, to_json

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
FOLDERS = (
    ".", "src/dymap", "src/dymap/capture", "src/dymap/play", "src/dymap/stage", "src/dymap/web", "src/dymap/web/stage",
    "native", "native/ops", "native/kernels", "tests/kernels",
)  # fmt: skip
"""What names of files are relative to."""


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def help_of(command: str) -> str:
    """All options of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        written: list[str] = []
        patch.setattr("sys.stdout.write", written.append)
        with pytest.raises(SystemExit):
            main([*command.split(), "--help-all" if command in ("train", "import-model") else "--help"])
    return "".join(written)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        found = page.parent / file if file else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@each_page
def test_named_files_exist(page: Path) -> None:
    for name in re.findall(r"`([\w/.-]+\.(?:py|pyi|h|cpp|md|html))`", page.read_text()):
        if "NAME" not in name:
            assert any((ROOT / folder / name).exists() for folder in FOLDERS), name


@each_page
def test_named_keys_of_the_configuration_exist(page: Path) -> None:
    """As options (`--train.rays`), in assignments and by themselves."""
    known = set(flatten(to_json(Config())))
    rooms = r"(?:train|field|capture|render|bake)"
    for key in re.findall(rf"(?:--|[`\s'])({rooms}\.(?!json\b)(?:\w+\.)*\w+)(?=[`=\s])", page.read_text()):
        assert key in known or key.startswith("capture.options"), key


@each_page
def test_named_options_exist(page: Path) -> None:
    """In every `dymap COMMAND ...`, and in every line of a block that begins so."""
    for line in re.findall(r"(?:^|`)(?:\.venv/bin/)?dymap ([^`\n]+)", page.read_text(), re.MULTILINE):
        command, *words = line.partition(" # ")[0].split()
        if command in GROUP.groups and words:
            assert words[0] in GROUP.group(command).commands, line
            command = f"{command} {words.pop(0)}"
        if command.split()[0] in COMMANDS:
            for option in {word for word in words if word.startswith("--")} - {"--help", "--help-all"}:
                assert re.search(rf"{re.escape(option)}\b", help_of(command)), f"dymap {command} has no {option}"
