"""The folder of a run: what was trained, on what, and where its files are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dymap.config import Config, flatten, from_json, to_json
from dymap.errors import InputError
from dymap.files import read_json, write_json
from dymap.runs.things import what_it_is
from dymap.video.model_file import SUFFIX

# What may differ between a run and its continuation: it changes no computed number.
FREE_KEYS = ("train.log_every", "train.preview_every", "train.checkpoint_every", "train.keep_checkpoints")


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
    def evaluation(self) -> Path:
        return self.root / "evaluation"

    def exists(self) -> bool:
        return self.config_file.is_file()

    def create(self, config: Config, data: Path | None, preset: str) -> None:
        """Record the complete configuration, or check it against the one the run was begun with.

        Raises InputError that names the first option that changed.
        """
        record = {"preset": preset, "data": None if data is None else str(data.resolve()), "config": to_json(config)}
        if not self.exists():
            write_json(self.config_file, record)
            return
        old = self.read()
        before, after = flatten(to_json(old.config)), flatten(to_json(config))
        free = FREE_KEYS + (("train.steps",) if config.train.schedule == "published" else ())
        for key in sorted(set(before) | set(after)):
            if before.get(key) != after.get(key) and key not in free:
                raise InputError(
                    f"{self.root}: the run was begun with {key} = {before.get(key)!r}, not {after.get(key)!r}; "
                    "continue it with the same options, or choose another --out"
                )
        if data is not None and old.source != data.resolve():
            raise InputError(f"{self.root}: the run was begun on {old.source}, not on {data.resolve()}")

    def read(self) -> RunRecord:
        """Raises InputError if the folder holds no run."""
        if not self.exists():
            found = what_it_is(self.root)
            raise InputError(
                f"{self.root}: not a run (no {self.config_file.name}); {found or '`dymap train` makes one'}"
            )
        record = read_json(self.config_file)
        try:
            config = from_json(Config, record["config"], f"{self.config_file}: config")
            source = None if record["data"] is None else Path(record["data"])
            return RunRecord(self.root, config, source, str(record["preset"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.config_file}: damaged ({error})") from None


@dataclass(frozen=True)
class RunRecord:
    """What `config.json` of a run holds. source: the capture's folder; imported models may have none."""

    root: Path
    config: Config
    source: Path | None
    preset: str

    @property
    def data(self) -> Path:
        """The capture's folder. Raises InputError if the run has none."""
        if self.source is None:
            raise InputError(f"{self.root}: imported without its capture; import it again with --data for this")
        return self.source
