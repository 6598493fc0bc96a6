"""ES modules become one script: a page that is opened as a file may neither import nor fetch anything.

Each module becomes a function that is called once, in the order of the imports, and gives what it exports; so names of
two modules never meet. `new URL("./x", import.meta.url)` becomes the address of a text that the script carries, of
shaders, and of workers as bundles of their own. Comments stay behind. Modules keep to a small part of the language, and
what is outside of it is an error: `import {a, b as c} from "./x.js"`, `export function | class | const`, no circles, no
top-level await.
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
import re
from collections.abc import Mapping

from dymap.errors import InputError

IMPORT = re.compile(r"""^import\s*(?:\{([^}]*)\}\s*from\s*)?["']([^"']+)["'];?""", re.MULTILINE)
EXPORT = re.compile(r"^export\s+((?:async\s+)?(?:function\b\s*\*?|class\b|const\b)\s*([\w$]+))", re.MULTILINE)
ADDRESS = re.compile(r"new URL\(\s*([\"'`])([^\"'`]+)\1\s*,\s*import\.meta\.url\s*,?\s*\)")
WORKER = re.compile(r"""(new Worker\(\s*bundledUrl\([^)]*\)\s*,\s*\{[^}]*\btype:\s*)["']module["']""")
COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
BLANK = re.compile(r"\n[ \t]*(?=\n)")
UNKNOWN = re.compile(r"^(?:import|export|await)\b[^\n]*|\bimport\s*\([^\n]*|\bimport\.meta\b[^\n]*", re.MULTILINE)
CARRIED = """\
const bundledTexts = %s;
const bundledAddresses = new Map();
function bundledUrl(name, from) {
  const path = new URL(name, `file:///${from}`).pathname.slice(1);
  if (!Object.hasOwn(bundledTexts, path)) throw new Error(`${path} is no part of this page`);
  if (!bundledAddresses.has(path)) {
    const type = path.endsWith(".js") ? "text/javascript" : "text/plain";
    bundledAddresses.set(path, URL.createObjectURL(new Blob([bundledTexts[path]], { type })));
  }
  return Object.assign(new URL(bundledAddresses.get(path)), { carried: bundledTexts[path] });
}
"""


def bundle(files: Mapping[str, str], entry: str, workers: bool = True) -> str:
    """A module and all that it imports as one script, for `<script type="module">` in a page, or a worker.

    files: texts by their path (`stage/main.js`); entry: the path of the module that is run. workers: whether it may
    start workers, which start none themselves. Raises InputError that names the module and the line that cannot be
    bundled.
    """
    order: list[str] = []
    _visit(files, entry, order, ())
    texts: dict[str, str] = {}
    parts = [_wrapped(files, path, order, texts, workers) for path in order]
    code = "".join(parts)
    return (CARRIED % script_json(texts) if "bundledUrl(" in code else "") + code


def script_json(value: object) -> str:
    """JSON that can be part of any script or element of a page: nothing in it ends one or begins another."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_text(code: str) -> str:
    """A script that can be an element of a page: `<` stays before `/script` only as an escape, in strings."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", code, flags=re.IGNORECASE)


def without_comments(code: str) -> str:
    """A module or a shader without what is for readers of the source. No string of the page's holds a comment."""
    return BLANK.sub("\n", COMMENT.sub("", code)).lstrip("\n")


def _visit(files: Mapping[str, str], path: str, order: list[str], above: tuple[str, ...]) -> None:
    """Append a module to `order`, behind all that it imports."""
    if path in above:
        raise InputError(
            f"{' -> '.join([*above[above.index(path) :], path])}: modules that import each other in a circle"
        )
    if path in order:
        return
    if path not in files:
        raise InputError(f"{above[-1] if above else path}: imports {path}, which is not there")
    for _, name in IMPORT.findall(files[path]):
        _visit(files, _resolved(path, name), order, (*above, path))
    order.append(path)


def _resolved(path: str, name: str) -> str:
    if not name.startswith("."):
        raise InputError(f"{path}: imports {name!r}; expected a path that begins with ./ or ../")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def _wrapped(files: Mapping[str, str], path: str, order: list[str], texts: dict[str, str], workers: bool) -> str:
    """A module as a function that is called. texts: what the addresses in it stand for is added."""
    exported: list[str] = []

    def imported(found: re.Match[str]) -> str:
        names = re.sub(r"\s+as\s+", ": ", " ".join((found[1] or "").split()))
        return f"const {{ {names} }} = module{order.index(_resolved(path, found[2]))};" if names else ""

    def declared(found: re.Match[str]) -> str:
        exported.append(found[2])
        return found[1]

    def address(found: re.Match[str]) -> str:
        texts.update(_texts(files, path, found[2], workers))
        return f"bundledUrl({found[1]}{found[2]}{found[1]}, {json.dumps(path)})"

    code = ADDRESS.sub(address, EXPORT.sub(declared, IMPORT.sub(imported, without_comments(files[path]))))
    code = WORKER.sub(r'\1"classic"', code)  # pages that are opened as files get no others from what they carry
    if unknown := UNKNOWN.search(code):
        raise InputError(f"{path}: cannot be bundled: {unknown[0].strip()[:100]}")
    number = order.index(path)
    return f"// {path}\nconst module{number} = (() => {{\n{code}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _texts(files: Mapping[str, str], path: str, name: str, workers: bool) -> dict[str, str]:
    """The texts that an address in a module can mean, by their paths; `${...}` in it is any part of a name."""
    pattern = _resolved(path, re.sub(r"\$\{[^}]*\}", "*", name))
    found = sorted(fnmatch.filter(files, pattern))
    if not found:
        raise InputError(f"{path}: names the file {pattern}, which is not there")
    scripts = [one for one in found if one.endswith(".js") and workers]
    return {one: f'"use strict";\n{bundle(files, one, workers=False)}' for one in scripts} | {
        one: without_comments(files[one]) for one in found if not one.endswith(".js")
    }
