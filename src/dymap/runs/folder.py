"""The folder of a run: what was trained, on what, and where its files are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dymap.config import Config, TrainConfig, flatten, from_json, to_json
from dymap.errors import InputError
from dymap.files import read_json, write_json
from dymap.runs.configuration import typed
from dymap.runs.things import what_it_is
from dymap.video.model_file import SUFFIX

FREE_KEYS = ("train.log_every", "train.preview_every", "train.checkpoint_every", "train.keep_checkpoints")
"""What may differ between a run and its continuation: it changes no computed number."""


@dataclass(frozen=True)
class RunFolder:
    """Paths in a run's folder."""

    root: Path

    @property
    def config_file(self) -> Path:
        return self.root / "config.json"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def curves(self) -> Path:
        return self.root / "tensorboard"

    @property
    def log(self) -> Path:
        return self.root / "log.jsonl"

    @property
    def preview(self) -> Path:
        return self.root / "preview.png"

    @property
    def model(self) -> Path:
        return self.root / f"video{SUFFIX}"

    @property
    def common(self) -> RunFolder:
        """The short training of the whole clip that segments start from."""
        return RunFolder(self.root / "common")

    @property
    def segments(self) -> Path:
        """Of a clip of several segments: they are runs in it."""
        return self.root / "segments"

    def segment(self, k: int) -> RunFolder:
        """The run of segment k."""
        return RunFolder(self.segments / f"{k:03d}")

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation"

    def exists(self) -> bool:
        return self.config_file.is_file()

    @property
    def capture_file(self) -> Path:
        return self.root / "capture.json"

    def create(self, config: Config, data: Path | None, preset: str, done: int = 0) -> None:
        """Record the complete configuration; in a run that is there already, what may change of it.

        data: where the capture is; None: there is none, or it is where it was. done: steps that are trained already.
        Raises InputError as `check` does.
        """
        old = self.read() if self.exists() else None
        source = old.source if old and data is None else data and data.resolve()
        if old:
            self.check(config, done)
            if (old.config, old.source) == (config, source):
                return
        record = {
            "preset": old.preset if old else preset,
            "data": None if source is None else str(source),
            "config": to_json(config),
        }
        lengthened = list(old.lengthened) if old else []
        if old and config.train.steps > old.config.train.steps and done >= old.config.train.steps:
            lengthened.append(done)
        write_json(self.config_file, record | ({"lengthened": lengthened} if lengthened else {}))

    def check(self, config: Config, done: int) -> None:
        """Raise InputError that names the first option that may not change since the run was begun.

        done: steps that are trained already. A finished run may be lengthened (method.md 6).
        """
        old = self.read().config
        before, after = flatten(to_json(old)), flatten(to_json(config))
        for key in sorted(set(before) | set(after)):
            if before.get(key) == after.get(key) or key in FREE_KEYS:
                continue
            if key == "train.steps":
                self.check_steps(old.train, config.train.steps, done)
                continue
            raise InputError(
                f"{self.root}: the run was begun with {typed(key, before.get(key))}, and not with "
                f"{typed(key, after.get(key))}; leave it away to go on as the run was begun, or choose another --out"
            )

    def check_steps(self, old: TrainConfig, steps: int, done: int) -> None:
        """Raise InputError if a run cannot have another number of steps now."""
        if steps < done:
            raise InputError(f"{self.root}: the run has done {done} steps already; --steps {steps} is less")
        if old.schedule == "cosine" and done < old.steps:
            raise InputError(
                f"{self.root}: the run was begun with --steps {old.steps}, and not with --steps {steps}, over which "
                f"its learning rates fall, and has done {done}; once it is finished it can be lengthened, or choose "
                "another --out"
            )

    def read(self) -> RunRecord:
        """Raises InputError if the folder holds no run."""
        if not self.exists():
            found = what_it_is(self.root)
            raise InputError(
                f"{self.root}: not a run (no {self.config_file.name}); {found or '`dymap train --data DIR` makes one'}"
            )
        record = read_json(self.config_file)
        try:
            config = from_json(Config, record["config"], f"{self.config_file}: config")
            source = None if record["data"] is None else Path(record["data"])
            lengthened = tuple(int(step) for step in record.get("lengthened", ()))
            return RunRecord(self.root, config, source, str(record["preset"]), lengthened)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.config_file}: damaged ({error})") from None


@dataclass(frozen=True)
class RunRecord:
    """What `config.json` of a run holds.

    source: the capture's folder; imported models may have none. lengthened: steps after which it was finished, and got
    more of them.
    """

    root: Path
    config: Config
    source: Path | None
    preset: str
    lengthened: tuple[int, ...] = ()

    @property
    def data(self) -> Path:
        """The capture's folder. Raises InputError if the run has none."""
        if self.source is None:
            raise InputError(f"{self.root}: imported without its capture; say where it is: --data DIR")
        return self.source
