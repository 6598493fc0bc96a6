"""`dymap.runs.view`: the clip in a browser, for as long as the context is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from dymap.config import HOST, PORT, ViewerRenderer
from dymap.errors import InputError, check_word
from dymap.play.video import load
from dymap.runs.bars import no_bars
from dymap.runs.captures import find_capture, open_prepared
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device
from dymap.runs.things import check_playable
from dymap.runs.truth import ground_truth
from dymap.signals import asked_to_end
from dymap.video.model_file import SUFFIX

if TYPE_CHECKING:
    from dymap.stage.server import Stage
    from dymap.stage.subject import ClipSubject

BACKGROUNDS: dict[str, tuple[float, float, float]] = {"black": (0.0, 0.0, 0.0), "white": (1.0, 1.0, 1.0)}
SIDES = (64, 4096)
"""Pixels: the range of a full picture's longer side."""


@dataclass(frozen=True, eq=False)
class Viewing:
    """A stage that serves. url: for a browser on this machine; with the token, if it needs one. is_local: only this
    machine reaches it. `stage.wait()` waits until it is asked to end."""

    stage: Stage
    name: str
    frames: int
    is_local: bool

    @property
    def url(self) -> str:
        return self.stage.url

    @property
    def elsewhere(self) -> str:
        """How another machine sees it, in one sentence."""
        return elsewhere(self.stage, self.is_local)


@contextmanager
def view(
    run: str | Path,
    *,
    host: str = HOST,
    port: int = PORT,
    renderer: ViewerRenderer = "fast",
    size: int = 1024,
    background: Literal["black", "white"] = "black",
    data: str | Path | None = None,
    device: str = "auto",
    threads: int = 0,
) -> Iterator[Viewing]:
    """Serve a baked run, or a baked file, to browsers. At Ctrl-C or a termination `stage.wait()` returns.

    with dymap.runs.view("runs/mine") as viewing: viewing.stage.wait()

    host: address to listen on; the default admits only this machine. size: pixels along the longer side of a full
    picture at most. data: where the run's capture is now, if it was moved. Raises InputError for a clip that is not
    there and a port that is taken. For the main thread.
    """
    with asked_to_end() as asked:
        stage = open_stage(run, host, port, renderer, size, background, data, device, threads, asked)
        try:
            from dymap.stage.address import is_local

            yield Viewing(stage, stage.subject.name, len(stage.subject.boxes), is_local(host))
        finally:
            stage.close()
            # Closed last: a frame that is still being made when the process ends would take it down.
            stage.subject.close()


def open_stage(
    run: str | Path,
    host: str = HOST,
    port: int = PORT,
    renderer: ViewerRenderer = "fast",
    size: int = 1024,
    background: Literal["black", "white"] = "black",
    data: str | Path | None = None,
    device: str = "auto",
    threads: int = 0,
    asked: Callable[[], bool] = lambda: False,
    private: bool = False,
) -> Stage:
    """A stage that shows a baked run, or a baked file. Close it, and then its subject. private: the link has a token
    even if only this machine reaches it. Raises InputError as `view`."""
    check_stage()
    from dymap.stage.server import Settings, Stage
    from dymap.stage.watch import FileWatch

    check_size(size)
    check_word("renderer", renderer, get_args(ViewerRenderer))
    check_word("background", background, list(BACKGROUNDS))
    place = Path(run)
    if not place.exists():
        raise InputError(f"{place}: not there; expected the folder of a baked run, or a baked file")
    check_playable(place)
    where = pick_device(device, threads)
    file = place / f"video{SUFFIX}" if place.is_dir() else place

    def open_again() -> ClipSubject:
        return open_clip(place, file, renderer, where, data)

    subject = open_again()
    try:
        settings = Settings(size, BACKGROUNDS[background], private=private)
        return Stage(subject, host, port, settings, asked, FileWatch(file, open_again))
    except BaseException:
        subject.close()
        raise


def open_clip(place: Path, file: Path, renderer: ViewerRenderer, device: Any, data: str | Path | None) -> ClipSubject:
    """A baked run or file to be shown, with what was filmed if that is at hand."""
    from dymap.stage.subject import ClipSubject, Truth

    video = load(place, device)
    folder = RunFolder(place if place.is_dir() else place.parent)
    open_truth: Callable[[], Truth] | None = None
    if folder.exists():
        found = None
        if data is not None:
            found = find_capture(folder, data)
        else:
            with suppress(InputError):  # it is not needed
                found = find_capture(folder)
        if found is not None:
            where, config = found, folder.read().config.capture

            def open_truth() -> Truth:
                capture = open_prepared(where, config, no_bars)
                filmed = ground_truth(video, capture)
                return lambda frame, view: filmed(frame, view) if capture.present(frame, view) else None

    elif data is not None:
        raise InputError(f"{place}: --data is for a run's folder, which knows what was filmed")
    return ClipSubject(video, renderer, file, open_truth)


def elsewhere(stage: Stage, local: bool) -> str:
    """How another machine sees a stage, in one sentence. local: only this machine reaches it."""
    from dymap.stage.address import over_ssh, tunnel

    if not local:
        return (
            f"from another machine: the same link with this machine's name; only who has all of it, with its token, is "
            f"answered (port {stage.port}, not encrypted)"
        )
    command = tunnel(stage.port)
    if over_ssh():
        return f"you are here over ssh: run on your own machine  {command}  and open the same address there"
    return f"from another machine: {command}  there, then open the same address there"


def check_size(size: int) -> None:
    """Raise InputError for pictures that are not drawn."""
    if isinstance(size, bool) or not isinstance(size, int) or not SIDES[0] <= size <= SIDES[1]:
        raise InputError(f"--size {size!r}: expected {SIDES[0]} to {SIDES[1]} pixels")


def check_view(address: tuple[str, int]) -> None:
    """Raise InputError unless a training can be shown there (host and port): before hours of work, not after."""
    check_stage()
    from dymap.stage.address import check_address

    if not (
        isinstance(address, tuple | list)
        and len(address) == 2
        and isinstance(address[0], str)
        and type(address[1]) is int
    ):
        raise InputError(f'view is {address!r:.60}, expected host and port: ("127.0.0.1", 8080)')
    check_address(*address)


def check_stage() -> None:
    """Raise InputError if what serves the page is not installed."""
    try:
        import aiohttp  # noqa: F401
        import simplejpeg  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(f"the viewer needs {error.name}; install it with: pip install 'dymap[viewer]'") from None
