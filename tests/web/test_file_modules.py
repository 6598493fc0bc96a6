"""The modules that read files keep to what a simple bundler can read, and share no name with others of the page."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import dymap

WEB = Path(dymap.__file__).parent / "web"
MODULES = sorted((WEB / "file").glob("*.js"))
IMPORT = re.compile(r'^import \{([^}]*)\} from "(\./\w+\.js)";$', re.MULTILINE)
each_module = pytest.mark.parametrize("path", MODULES, ids=[path.name for path in MODULES])


@each_module
def test_modules_are_short_checked_and_plain(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// @ts-check\n/**")
    assert text.count("\n") < 300
    assert max(map(len, text.splitlines())) <= 160
    assert len(re.findall(r"^import ", text, re.MULTILINE)) == len(IMPORT.findall(text))
    for names, module in IMPORT.findall(text):
        assert (path.parent / module).exists()
        for name in re.findall(r"\w+", names):
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported in vain"
    code = re.sub(r"/\*.*?\*/|(?m:^\s*//[^\n]*$)", "", text, flags=re.DOTALL)
    assert not re.search(r"\bimport\s*\(|export\s+(default|\{|\*)|^await ", code, re.MULTILINE)
    assert (path.name == "decoding.js") == ("import.meta" in code)
    assert "http:" not in code
    assert "https:" not in code


def test_names_at_the_top_are_unique_in_the_whole_page() -> None:
    name = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
    found = Counter(
        match for path in WEB.rglob("*.js") for match in set(name.findall(path.read_text(encoding="utf-8")))
    )
    ours = {match for path in MODULES for match in name.findall(path.read_text(encoding="utf-8"))}
    assert [name for name in ours if found[name] > 1] == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {
        path.name: {module[2:] for _, module in IMPORT.findall(path.read_text(encoding="utf-8"))} for path in MODULES
    }
    while free := [name for name, known in graph.items() if not known & graph.keys()]:
        for name in free:
            del graph[name]
    assert not graph
