"""Modules in one script: what comes out is run in node if there is one, and what cannot be bundled is named."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dymap.errors import InputError
from dymap.site.bundle import bundle, script_json, script_text
from dymap.site.pages import web_files

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node on this machine")

FILES = {
    "main.js": """
import { add, count as many } from "./parts/add.js";
import "./parts/effect.js";
import {
  Adder,
} from './parts/adder.js';
/** @type {import("./parts/adder.js").Adder} */
const adder = new Adder(2);
const shader = new URL("./parts/one.wgsl", import.meta.url);
console.log(JSON.stringify([add(1, 2), many, adder.to(3), globalThis.effect, [...new Adder(4).numbers()]]));
export const kept = shader;
""",
    "parts/add.js": "// import of a comment\nexport const count = 7;\nexport function add(a, b) { return a + b; }\n",
    "parts/adder.js": """import { add } from "./add.js";
const count = 1; // the same name as in another module
export class Adder {
  constructor(a) { this.a = a; }
  to(b) { return add(this.a, b) + count; }
  *numbers() { yield* numbers(this.a); }
}
export function* numbers(n) { for (let i = 0; i < n; i++) yield i; }
export async function later() { return worker("./one.wgsl"); }
function worker(name) { return new URL(`./${name}.wgsl`, import.meta.url); }
""",
    "parts/effect.js": "globalThis.effect = 'done';\n",
    "parts/one.wgsl": "</script><!-- & -->",
    "parts/two.wgsl": "two",
}


@needs_node
def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    said = []
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "bundle.mjs").write_text(script_text(bundle(FILES, "main.js")))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for name in ("main.js", "bundle.mjs"):
        told = subprocess.run([str(NODE), tmp_path / name], capture_output=True, text=True, check=True, timeout=60)
        said.append(json.loads(told.stdout))
    assert said[0] == said[1] == [3, 7, 6, "done", [0, 1, 2, 3]]


def test_each_module_is_there_once_and_texts_are_carried() -> None:
    text = bundle(FILES, "main.js")
    assert text.count("return a + b") == 1
    assert "import.meta" not in text
    assert "</script" not in script_text(text)
    assert text.index("// parts/add.js") < text.index("// parts/adder.js") < text.index("// main.js")
    assert '"parts/two.wgsl"' in text


@pytest.mark.parametrize("entry", ["stage/main.js", "player.js", "file/worker.js"])
def test_the_page_is_bundled_whole(entry: str, tmp_path: Path) -> None:
    """What it does is tested in a browser (tests/web/test_out_of_the_house.py)."""
    code = script_text(bundle(web_files(), entry))
    if NODE is not None:
        (tmp_path / "bundle.mjs").write_text(code)
        subprocess.run([NODE, "--check", tmp_path / "bundle.mjs"], check=True, timeout=60)
    shaders = {path for path in web_files() if path.endswith(".wgsl")}
    assert sum(f'"{shader}": "' in code for shader in shaders) == (0 if entry == "file/worker.js" else len(shaders))


def test_each_module_can_be_bundled() -> None:
    for path in web_files():
        if path.endswith(".js"):
            bundle(web_files(), path)


def test_workers_are_bundles_of_their_own() -> None:
    files = {
        "main.js": 'new Worker(new URL("./worker.js", import.meta.url), { type: "module" });\n',
        "worker.js": 'import { one } from "./one.js";\npostMessage(one);\n',
        "one.js": 'export const one = 1;\nexport const again = () => new URL("./worker.js", import.meta.url);\n',
    }
    text = bundle(files, "main.js")
    assert text.count("postMessage(one)") == 1
    assert 'new Worker(bundledUrl("./worker.js", "main.js"), { type: "classic" })' in text


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("export default 1;", "main.js: cannot be bundled: export default 1;"),
        ("export { a };", "main.js: cannot be bundled: export { a };"),
        ("export * from './one.js';", "cannot be bundled: export"),
        ("export let a = 1;", "cannot be bundled: export let"),
        ("import one from './one.js';", "cannot be bundled: import one"),
        ("import * as one from './one.js';", "cannot be bundled: import \\*"),
        ("const one = await import('./one.js');", "cannot be bundled: import\\("),
        ("await one();", "cannot be bundled: await"),
        ("const here = import.meta.url;", "cannot be bundled: import.meta"),
        ("import { one } from 'three';", "imports 'three'; expected a path"),
        ("import { one } from './two.js';", "imports two.js, which is not there"),
        ("const a = new URL('./two.wgsl', import.meta.url);", "names the file two.wgsl, which is not there"),
        ("import { one } from './circle.js';", "circle.js -> main.js: modules that import each other in a circle"),
    ],
)
def test_what_cannot_be_bundled_is_named(code: str, said: str) -> None:
    files = {"main.js": code, "one.js": "export const one = 1;", "circle.js": "import { a } from './main.js';"}
    with pytest.raises(InputError, match=said):
        bundle(files, "main.js")


def test_json_in_a_page_ends_nothing() -> None:
    hostile = {"title": "</script><script>alert(1)</script><!--", "more": "&lt;\u2028\u2029"}
    text = script_json(hostile)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == hostile
