"""The page's modules keep to what a simple bundler can read, and ask nobody else for anything."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from tests.web.served import WEB

TOP = r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)"
IMPORTED = r"^(?:import|\}).*from \"\./([^\"]+)\""
MODULES = sorted((WEB / "stage").glob("*.js"))
each_module = pytest.mark.parametrize("path", MODULES, ids=[path.name for path in MODULES])


@each_module
def test_modules_are_short_and_say_what_they_are(path) -> None:  # type: ignore[no-untyped-def]
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// @ts-check\n/**")
    assert text.count("\n") < 300


@each_module
def test_only_plain_imports_and_exports(path) -> None:  # type: ignore[no-untyped-def]
    text = path.read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/|(?m:^\s*//[^\n]*$)", "", text, flags=re.DOTALL)
    assert not re.search(r"\bimport\s*\(|export\s+default|export\s*\{|export\s*\*|import\s+\*", code)
    for names, module in re.findall(r"import\s+(\{[^}]*\}|[^;]*?)\s+from\s+\"([^\"]+)\"", code):
        assert names.startswith("{")
        assert " as " not in names
        assert module.startswith(("./", "../"))
        assert (path.parent / module).resolve().exists() or module.startswith("../engines/")
        for name in re.findall(r"\w+", names):
            used = re.sub(r"import\s+\{[^}]*\}\s+from[^;]*;", "", code)
            assert re.search(rf"\b{name}\b", used), f"{name} is imported in vain"
    assert not re.search(r"^\s*await ", re.sub(r"^ .*$", "", code, flags=re.MULTILINE), re.MULTILINE)


def test_names_at_the_top_are_unique() -> None:
    found = Counter()
    for path in MODULES:
        found.update(re.findall(TOP, path.read_text(encoding="utf-8"), re.MULTILINE))
    assert [name for name, count in found.items() if count > 1] == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in MODULES}
    graph = {name: set(re.findall(IMPORTED, text, re.MULTILINE)) for name, text in texts.items()}
    while free := [name for name, known in graph.items() if not known & graph.keys()]:
        for name in free:
            del graph[name]
    assert not graph


def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere() -> None:
    class Tags(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            for key, value in attrs:
                if key in ("src", "href"):
                    assert value is not None
                    assert value.startswith("data:") or (WEB / value).exists(), value
            if tag not in ("meta", "link", "img", "input"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    tags = Tags()
    tags.feed((WEB / "index.html").read_text(encoding="utf-8"))
    assert tags.open == []
    for path in [WEB / "index.html", WEB / "style.css", *MODULES]:
        addresses = re.findall(r"https?://[^\s'\"]+", path.read_text(encoding="utf-8"))
        assert [address for address in addresses if "www.w3.org" not in address] == [], path.name
