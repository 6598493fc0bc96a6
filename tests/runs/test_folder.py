"""The folder of a run: it remembers what was begun, and refuses to go on with something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dymap.config import Config, flatten, replace_key, to_json
from dymap.errors import InputError
from dymap.files import read_json, write_json
from dymap.presets import preset
from dymap.runs.configuration import typed
from dymap.runs.folder import FREE_KEYS, RunFolder

SMALL = preset("small")
PUBLISHED = replace(SMALL, train=replace(SMALL.train, schedule="published"))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that was begun with the preset `small` on data/one."""
    (tmp_path / "data" / "one").mkdir(parents=True)
    folder = RunFolder(tmp_path / "run")
    folder.create(SMALL, tmp_path / "data" / "one", "small")
    return folder


def data(folder: RunFolder) -> Path:
    return folder.root.parent / "data" / "one"


def test_complete_configuration_is_kept(folder: RunFolder) -> None:
    record = folder.read()
    assert record.config == SMALL
    assert record.preset == "small"
    assert record.data == data(folder)
    assert set(flatten(to_json(Config()))) == set(flatten(read_json(folder.config_file)["config"]))


def test_same_options_go_on(folder: RunFolder) -> None:
    before = folder.config_file.read_bytes()
    folder.create(SMALL, data(folder), "small")
    folder.create(SMALL, data(folder) / ".." / "one", "small")
    assert folder.config_file.read_bytes() == before


CHANGES = {
    "field.hash.levels": 5,
    "field.hidden": 8,
    "capture.ratio": 0.25,
    "capture.test_views": [3],
    "render.samples": 32,
    "bake.threshold": 4.0,
    "train.seed": 1,
    "train.batches": "items",
    "train.steps": 5000,
}


@pytest.mark.parametrize("key", CHANGES)
def test_changed_option_is_named(folder: RunFolder, key: str) -> None:
    """Steps too: the cosine schedule spreads over all of them."""
    with pytest.raises(InputError) as caught:
        folder.create(replace_key(SMALL, key, CHANGES[key]), data(folder), "small")
    message = str(caught.value)
    assert typed(key, CHANGES[key]) in message
    assert typed(key, CHANGES[key]).startswith("--")
    assert str(folder.root) in message
    assert folder.read().config == SMALL


@pytest.mark.parametrize("key", FREE_KEYS)
def test_options_that_change_no_number_are_free(folder: RunFolder, key: str) -> None:
    folder.create(replace_key(SMALL, key, 7), data(folder), "small")


def test_steps_are_free_if_the_schedule_ignores_them(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create(PUBLISHED, tmp_path, "small")
    folder.create(replace_key(PUBLISHED, "train.steps", 10), tmp_path, "small")


def test_a_moved_capture_is_recorded(folder: RunFolder, tmp_path: Path) -> None:
    folder.create(SMALL, tmp_path / "data" / "two", "tiny")
    assert folder.read().data == tmp_path / "data" / "two"
    assert folder.read().preset == "small", "the preset that it was begun with"


@pytest.mark.parametrize(("schedule", "done"), [("cosine", 14000), ("published", 14000), ("published", 3)])
def test_a_run_gets_longer_once_it_is_finished(folder: RunFolder, schedule: str, done: int) -> None:
    """With the published schedule, which does not look at the end, at any time."""
    begun = replace_key(SMALL, "train.schedule", schedule)
    folder.config_file.unlink()
    folder.create(begun, data(folder), "small")
    longer = replace_key(begun, "train.steps", 20000)
    folder.create(longer, data(folder), "small", done)
    assert folder.read().config == longer
    assert folder.read().lengthened == ((14000,) if done == 14000 else ())
    with pytest.raises(InputError, match=r"has done 15000 steps already; --steps 14000 is less"):
        folder.create(begun, data(folder), "small", 15000)


def test_an_unfinished_run_keeps_the_steps_that_its_rates_fall_over(folder: RunFolder) -> None:
    with pytest.raises(
        InputError, match=r"--steps 14000, and not with --steps 20000.* has done 7; once it is finished"
    ):
        folder.create(replace_key(SMALL, "train.steps", 20000), data(folder), "small", 7)


def test_folder_without_run_says_so(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.exists()
    with pytest.raises(InputError, match=r"not a run \(no config\.json\)"):
        folder.read()


DAMAGE = {
    "no JSON": "{",
    "a list": "[]",
    "no configuration": '{"data": ".", "preset": "small"}',
    "unknown key": '{"data": ".", "preset": "small", "config": {"train": {"stepz": 3}}}',
    "wrong type": '{"data": ".", "preset": "small", "config": {"train": {"steps": "many"}}}',
    "data not a path": '{"data": 3, "preset": "small", "config": {}}',
}


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_record_is_named(folder: RunFolder, text: str) -> None:
    folder.config_file.write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        folder.read()


def test_run_cannot_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = RunFolder(tmp_path / "file")
    assert not folder.exists()
    with pytest.raises(InputError, match=r"config\.json: cannot be written"):
        folder.create(SMALL, tmp_path, "small")
    assert (tmp_path / "file").read_text() == "in the way"


def test_write_json_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "a.json"
    write_json(path, {"a": [1]})
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(InputError, match="nothing was changed"):
            write_json(path, {"b": 2})
    assert read_json(path) == {"a": [1]}
    assert list(path.parent.iterdir()) == [path]
