"""Bytes and time to the first picture of what `dymap export` wrote, through a server as slow as a line.

    python -m benchmarks.web_first_picture runs/mine            # a baked run or file
    python -m benchmarks.web_first_picture clip.dymap --megabits 20 --delay 50

A headless Chromium opens the page, and the element in a page of its own, its cache empty. All its connections share the
line; each answer begins a delay after its request. A third page only reads and decodes: without a GPU, the work of one
keeps the processor busy on the other two. Times count from when the page is asked for, milliseconds:

* page: its scripts begin to run. header: what the clip is, with cameras and poster, is known.
* decoded: everything of the clip that the first picture needs lies in memory, decoded.
* kernels: how long the GPU's compiler took, beside the others' work. GPU: from then on until the picture is there.
  Without a GPU both are the CPU's work, and tell nothing of a GPU's.
* picture: the first picture is there. Bytes: what came until then, in all and of the clip.
"""

from __future__ import annotations

import math
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from tests.browser import Page, browser

from dymap.files import write_json
from dymap.runs.exporting import export
from dymap.site.bundle import bundle
from dymap.site.export import CLIP
from dymap.site.pages import web_files
from dymap.site.server import Answers, in_folder, serving

WATCH = """
window.marks = {};
const mark = name => (window.marks[name] ??= performance.now());
const tell = EventTarget.prototype.dispatchEvent;
EventTarget.prototype.dispatchEvent = function (event) {
  if (event.type === "buffer") mark("decoded");
  if (event.type === "picture") mark("picture");
  return tell.call(this, event);
};
window.spans = [];
for (const name of ["createComputePipelineAsync", "createRenderPipelineAsync"]) {
  const make = GPUDevice.prototype[name];
  GPUDevice.prototype[name] = function (...given) {
    const begun = performance.now(), made = make.apply(this, given);
    made.then(() => window.spans.push([begun, performance.now()]));
    return made;
  };
}
const Made = Worker;
window.Worker = class extends Made { constructor(...given) { mark("page"); super(...given); } };
const url = URL.createObjectURL;
URL.createObjectURL = function (blob) {
  if (blob.type === "image/jpeg") mark("header");
  return url.call(this, blob);
};
"""
READER = """
import { Clip } from "./file/clip.js";
async function read() {
  const clip = new Clip("video.dymap");
  marks.page = performance.now();
  await clip.open();
  marks.header = performance.now();
  await clip.segment(0);
  marks.decoded = performance.now();
}
read();
"""
PAGES = {"index.html": "picture", "player.html": "picture", "reader.html": "decoded"}
"""Pages, and the last mark that each makes."""
LATE = 0.02
"""Seconds by which a busy machine may wake up late, without the line being slower for it."""
COLUMNS = ("page", "header", "decoded", "kernels", "GPU", "picture", "kB", "clip kB", "requests")


@dataclass
class Line:
    """All that comes through shares it. rate: bytes a second; delay: seconds before each answer."""

    rate: float
    delay: float

    def __post_init__(self) -> None:
        self.lock, self.free_at, self.sent, self.of_clip = threading.Lock(), 0.0, 0, 0

    def take(self, size: int, of_clip: bool) -> None:
        """Wait until so many bytes are through."""
        with self.lock:
            now = time.monotonic()
            if now - self.free_at > LATE:
                self.free_at = now
            self.free_at += size / self.rate
            until = self.free_at
        time.sleep(max(0.0, until - time.monotonic()))
        with self.lock:
            self.sent += size
            self.of_clip += size if of_clip else 0


def slow(line: Line) -> type[Answers]:
    """How a server answers through such a line."""

    class Slow(Answers):
        def do_GET(self) -> None:
            time.sleep(line.delay)
            super().do_GET()

        def write(self, data: bytes) -> None:
            for at in range(0, len(data), 8192):
                line.take(len(data[at : at + 8192]), self.path.endswith(CLIP))
                super().write(data[at : at + 8192])

    return Slow


def first_picture(page: Page, url: str, last: str, line: Line, side: int) -> dict[str, float]:
    """A row of the table. last: the mark that the page ends with."""
    page.visit("about:blank", side, side)
    time.sleep(1.0)  # what the page before has begun comes to its end
    before = line.sent, line.of_clip
    page.visit(url, side, side)
    marks = page.until(f"window.marks.{last} && window.marks", 300)
    spans: list[list[float]] = page.evaluate("window.spans")
    row = {name: marks.get(name, float("nan")) for name in ("page", "header", "decoded", "picture")}
    row["kernels"] = together(spans)
    row["GPU"] = row["picture"] - max(marks["decoded"], *(stop for _, stop in spans), 0.0)
    row |= {"kB": (line.sent - before[0]) / 1e3, "clip kB": (line.of_clip - before[1]) / 1e3}
    row["requests"] = sum(request.startswith(url.rpartition("/")[0]) for request in page.requests)
    return row


def together(spans: list[list[float]]) -> float:
    """Milliseconds in which any of them was under way."""
    total, end = 0.0, 0.0
    for begun, stop in sorted(spans):
        total += max(0.0, stop - max(begun, end))
        end = max(end, stop)
    return total


def measure(
    clip: Path, megabits: float = 50.0, delay: float = 20.0, side: int = 128, times: int = 3
) -> dict[str, dict[str, float]]:
    """The table: page -> column -> median of so many visits."""
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # a browser writes while it ends
        site = Path(folder) / "site"
        export(clip, site)
        (site / "reader.html").write_text(
            '<link rel="icon" href="data:,"><script type="module" src="reader.js"></script>'
        )
        (site / "reader.js").write_text(bundle(web_files() | {"reader.js": READER}, "reader.js"))
        line = Line(megabits * 1e6 / 8, delay / 1e3)
        with (
            serving(in_folder(site), answers=slow(line)) as url,
            browser(Path(folder) / "profile", "webgpu") as page,
        ):
            page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
            page.call("Network.setCacheDisabled", cacheDisabled=True)
            for name, last in PAGES.items():
                visits = [first_picture(page, url + name, last, line, side) for _ in range(times)]
                rows[name] = {column: sorted(row[column] for row in visits)[times // 2] for column in COLUMNS}
    return rows


def table(rows: dict[str, dict[str, float]]) -> str:
    """In Markdown."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    shown = {name: ["" if math.isnan(row[c]) else f"{row[c]:.0f}" for c in COLUMNS] for name, row in rows.items()}
    lines += [f"| {name} | {' | '.join(row)} |" for name, row in shown.items()]
    return "\n".join(lines)


def main(
    clip: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="A baked run or file.")],
    megabits: Annotated[float, tyro.conf.arg(help="Of the line, a second.")] = 50.0,
    delay: Annotated[float, tyro.conf.arg(help="Milliseconds before each answer.")] = 20.0,
    side: Annotated[int, tyro.conf.arg(help="Pixels of the window's sides.")] = 128,
    times: Annotated[int, tyro.conf.arg(help="Visits, of which the median is told.")] = 3,
    out: Annotated[Path | None, tyro.conf.arg(help="JSON file to write as well.")] = None,
) -> dict[str, dict[str, float]]:
    """Measure, and print a table."""
    rows: dict[str, Any] = measure(clip, megabits, delay, side, times)
    print(table(rows))
    if out is not None:
        write_json(out, rows)
    return rows


if __name__ == "__main__":
    tyro.cli(main)
