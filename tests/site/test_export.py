"""A page in one file: whatever a clip is called, and whatever is in it, nothing becomes markup."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest

from dymap.errors import InputError
from dymap.site.export import Given, write_folder, write_single_file
from tests.site.scripts import Scripts

HOSTILE = "</title></script><script>alert(1)</script><!-- \u202e \x1b[2J"


def test_texts_of_a_clip_are_no_markup(tmp_path: Path) -> None:
    clip, film = tmp_path / "clip.dymap", tmp_path / "film.mp4"
    clip.write_bytes(bytes(range(256)) * 9)
    film.write_bytes(b"</script><script>")
    given = Given(clip, HOSTILE, b"</script>", film)
    text = write_single_file(tmp_path / "page.html", given).read_text(encoding="utf-8")
    scripts = Scripts(text)
    assert scripts.tags.count("script") == scripts.tags.count("/script") == 3
    assert scripts.tags.count("title") == 1
    assert "alert(1)</script>" not in text
    assert not re.search(r'(?:src|href)="(?!data:)[^"]*"', re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
    assert base64.b64decode(scripts.text("clip")) == clip.read_bytes()
    settings = json.loads(scripts.text("stage"))
    assert base64.b64decode(settings["film"].removeprefix("data:video/mp4;base64,")) == film.read_bytes()
    assert "\x1b" not in text
    write_folder(tmp_path / "site", given)
    for page in ("index.html", "player.html"):
        tags = Scripts((tmp_path / "site" / page).read_text(encoding="utf-8")).tags
        assert tags.count("title") == 1
        assert "alert(1)</script>" not in (tmp_path / "site" / page).read_text(encoding="utf-8")


def test_a_folder_that_is_half_of_another_program_is_left(tmp_path: Path) -> None:
    clip = tmp_path / "clip.dymap"
    clip.write_bytes(b"clip")
    given = Given(clip, "a clip", b"", None)
    site = tmp_path / "site"
    site.mkdir()
    for mark in ('{"format": "other", "files": []}', "[]", "{", '{"format": "dymap-site"}', "1"):
        (site / "dymap-site.json").write_text(mark)
        with pytest.raises(InputError, match=r"was not exported by dymap"):
            write_folder(site, given)
        assert [path.name for path in site.iterdir()] == ["dymap-site.json"]
    (site / "dymap-site.json").unlink()
    write_folder(site, given)
    assert "poster=" not in (site / "player.html").read_text()
    (site / "mine").mkdir()
    write_folder(site, given)
    assert not (site / "mine").exists(), "empty folders are nobody's"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_in_the_place_of_a_page_are_refused_and_not_read(tmp_path: Path) -> None:
    given = Given(tmp_path / "clip.dymap", "a clip", b"", None)
    os.mkfifo(tmp_path / "page.html")
    with pytest.raises(InputError, match="a pipe or a device"):
        write_single_file(tmp_path / "page.html", given)
    (tmp_path / "site").mkdir()
    os.mkfifo(tmp_path / "site" / "dymap-site.json")
    with pytest.raises(InputError, match="was not exported by dymap"):
        write_folder(tmp_path / "site", given)
