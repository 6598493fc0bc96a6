"""Files of version 2: what comes back, how small, what is read when, and damage, all of which is noticed."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from dymap.errors import InputError
from dymap.field.segment import Segment
from dymap.field.start import begin
from dymap.geometry.camera import Camera
from dymap.render.renderer import make_renderer
from dymap.video.clip import About, BakedVideo
from dymap.video.container import FIRST_REQUEST, Container, open_container
from dymap.video.model_file import load_video, save_video
from dymap.video.packed import PackedReader
from dymap.video.packed_header import bytes_by_part
from dymap.video.packing import Packing, fitting, save_packed
from dymap.video.quantise import STANDARD, without_untouched
from dymap.video.spans import Span
from tests.faults.mutations import packed_file
from tests.golden.sources import Golden
from tests.video.videos import painted_video

ABOUT = About("A body", "somebody", "CC0-1.0", {"preset": "small", "steps": 7})


@pytest.fixture(scope="module")
def video(trimmed: Golden) -> BakedVideo:
    return replace(painted_video(trimmed), about=ABOUT, poster=b"\xff\xd8 a picture")


@pytest.fixture(scope="module")
def saved(video: BakedVideo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "body.dymap"
    save_packed(path, video)
    return path


def picture(video: BakedVideo, name: str = "march", index: int = 2) -> torch.Tensor:
    field, occupancy = video.field, video.occupancy[index]
    return make_renderer(name, field.at(index), occupancy, video.render).render(video.cameras[1]).rgb


def same_camera(a: Camera, b: Camera) -> bool:
    return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in "KRT") and (a.width, a.name) == (b.width, b.name)


def test_facts_come_back_and_grids_to_the_bit(video: BakedVideo, saved: Path) -> None:
    back = load_video(saved)
    assert isinstance(back.load, PackedReader)
    same = ("render", "bake", "fps", "frames", "train_views", "test_views", "name", "about", "poster", "viewer_box")
    for key in same:
        assert getattr(back, key) == getattr(video, key), key
    assert all(map(same_camera, back.cameras, video.cameras))
    assert torch.equal(back.boxes, video.boxes)
    assert torch.equal(back.occupancy, video.occupancy)
    assert torch.equal(back.field.boxes, video.boxes)
    assert back.occupancy.dtype == torch.bool


def test_pictures_hardly_change_and_the_file_is_small(video: BakedVideo, saved: Path, tmp_path: Path) -> None:
    save_video(tmp_path / "exact.dymap", video)
    assert saved.stat().st_size < (tmp_path / "exact.dymap").stat().st_size / 4
    errors = []
    for coarseness in (STANDARD, STANDARD / 4, STANDARD / 16):
        save_packed(tmp_path / "fine.dymap", video, coarseness)
        errors.append((picture(load_video(tmp_path / "fine.dymap")) - picture(video)).square().mean().item())
    assert errors == sorted(errors, reverse=True)
    assert -10 * math.log10(errors[-1]) > 40


@pytest.mark.parametrize("name", ["march", "fast"])
def test_untouched_entries_are_dropped_and_no_picture_changes(video: BakedVideo, name: str) -> None:
    """Where nothing is occupied nothing is read: pictures are the same to the bit."""
    part = video.occupancy.clone()
    part[:, :, :, 14:] = False
    held = replace(video, load=lambda _: Segment(video.field, part))
    without = without_untouched(video.field, part, video.render.max_samples)
    shares = [float((table != 0).any(dim=1).float().mean()) for table in without.hash.tables]
    assert min(shares) < 0.9
    for index in (0, 4):
        assert torch.equal(picture(held.part(0, without), name, index), picture(held, name, index))


def test_nothing_is_decoded_before_it_is_needed(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = Container.read
    monkeypatch.setattr(Container, "read", lambda self, chunk: read.append(chunk.kind) or original(self, chunk))
    back = load_video(saved)
    assert len(back.boxes) == 5
    assert "5 frames" in repr(back)
    assert read == ["poster", "common"]
    assert back.field is back.field
    assert read == ["poster", "common", "segment"]


def test_the_first_request_holds_header_and_poster(saved: Path) -> None:
    container = open_container(saved)
    kinds = [chunk.kind for chunk in container.chunks]
    assert kinds == ["poster", "common", "segment"]
    assert container.chunks[1].offset < FIRST_REQUEST
    parts = bytes_by_part(container.chunks)
    assert list(parts) == ["poster", "boxes", "decoder", "codes", "hash", "occupancy"]
    assert container.chunks[0].offset + sum(parts.values()) == saved.stat().st_size


def test_packed_again_it_is_the_same_file(saved: Path, tmp_path: Path) -> None:
    save_packed(tmp_path / "again.dymap", load_video(saved))
    assert (tmp_path / "again.dymap").read_bytes() == saved.read_bytes()
    named = load_video(saved).with_facts(about=About("Another"))
    save_packed(tmp_path / "named.dymap", named)
    assert load_video(tmp_path / "named.dymap").about.title == "Another"
    assert torch.equal(load_video(tmp_path / "named.dymap").field.hash.xyt, load_video(saved).field.hash.xyt)


def test_a_size_is_reached(video: BakedVideo) -> None:
    packing = Packing(video)
    standard = packing.size(STANDARD)
    for share in (0.6, 1.5):
        size = packing.size(fitting(packing, standard * share))
        assert 0.9 * standard * share < size <= standard * share
    with pytest.raises(InputError, match="is least"):
        fitting(packing, 1000)


HALVES = Span(0, 3), Span(2, 5)


def half_of(video: BakedVideo, index: int) -> Segment:
    """One of two segments that overlap."""
    span, field = HALVES[index], video.field
    part = copy.deepcopy(field.with_codes(field.codes.weight[span.first : span.stop] + index))  # type: ignore[union-attr,index]
    part.boxes = video.boxes[span.first : span.stop]
    with torch.no_grad():
        for value in part.decoder.parameters():
            value += 0.01 * index
    return Segment(part.requires_grad_(False), video.occupancy[span.first : span.stop])


def test_several_segments(video: BakedVideo, tmp_path: Path) -> None:
    """Each has its codes, its grids, and its decoder as a difference from the common one."""
    halves = replace(video, segments=HALVES, load=partial(half_of, video))
    save_packed(tmp_path / "two.dymap", halves)
    back = load_video(tmp_path / "two.dymap")
    assert back.segments == halves.segments
    for index in (1, 0):
        found, expected = back.segment(index), halves.segment(index)
        assert torch.equal(found.occupancy, expected.occupancy)
        assert torch.equal(found.field.boxes, expected.field.boxes)
        for name, value in expected.field.decoder.named_parameters():
            step = back.quantiser["decoder"][f"decoder.{name}"][0]
            assert (dict(found.field.decoder.named_parameters())[name] - value).abs().max() <= 0.51 * step
    with pytest.raises(InputError, match="a clip of 2 segments has a field each"):
        _ = back.field
    with pytest.raises(IndexError):
        back.segment(2)


ROW = Span(0, 2), Span(1, 3), Span(2, 4), Span(3, 5)


def changed(video: BakedVideo, share: float, index: int) -> Segment:
    """One of a row of segments, in whose decoder a share of all values differs from that of the whole."""
    span, field = ROW[index], video.field
    part = copy.deepcopy(field.with_codes(field.codes.weight[span.first : span.stop]))  # type: ignore[union-attr,index]
    part.boxes = video.boxes[span.first : span.stop]
    torch.manual_seed(index)
    with torch.no_grad():
        for value in part.decoder.parameters():
            value += 0.05 * torch.randn_like(value) * (torch.rand_like(value) < share)
    return Segment(part.requires_grad_(False), video.occupancy[span.first : span.stop])


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_segments_store_what_they_change_of_what_lies_in_their_middle(
    video: BakedVideo, tmp_path: Path, share: float
) -> None:
    """Or all of it, where nothing is common: never more than each for itself."""
    row = replace(video, segments=ROW, load=partial(changed, video, share))
    taken = save_packed(tmp_path / "row.dymap", row, STANDARD)["decoder"]
    alone = [row.part(k) for k in range(4)]
    each = [save_packed(tmp_path / f"{k}.dymap", one, STANDARD)["decoder"] for k, one in enumerate(alone)]
    assert taken < (0.6 if share < 1 else 1.02) * sum(each)
    back = load_video(tmp_path / "row.dymap")
    for index in range(4):
        found, expected = back.segment(index).field.decoder, row.segment(index).field.decoder
        for name, value in expected.named_parameters():
            step = back.quantiser["decoder"][f"decoder.{name}"][0]
            assert (dict(found.named_parameters())[name] - value).abs().max() <= 0.51 * step
    save_packed(tmp_path / "again.dymap", back)
    assert (tmp_path / "again.dymap").read_bytes() == (tmp_path / "row.dymap").read_bytes()


def read_all(path: Path) -> None:
    _ = load_video(path).field


def test_every_flipped_byte_is_noticed(saved: Path, tmp_path: Path) -> None:
    data, random, path = saved.read_bytes(), Random(0), tmp_path / "a.dymap"
    places = [*range(24), *(random.randrange(len(data)) for _ in range(120)), len(data) - 1]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << random.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"a\.dymap: ") as found:
            read_all(path)
        assert "\n" not in str(found.value)


def test_cut_and_lengthened_files(saved: Path, tmp_path: Path) -> None:
    data, path = saved.read_bytes(), tmp_path / "a.dymap"
    for changed in (data[:-1], data[:1000], data[:20], data[:8], data + b"\0", b""):
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"a\.dymap: "):
            load_video(path)


DAMAGE = {
    "no segments": lambda header: header.update(segments=[]),
    "a gap": lambda header: header.update(segments=[{"first": 1, "stop": 5}]),
    "too short": lambda header: header.update(segments=[{"first": 0, "stop": 4}]),
    "negative step": lambda header: header["quantiser"]["segments"][0].update(hash=[-1.0] * 3),
    "too few steps": lambda header: header["quantiser"]["segments"][0].update(hash=[]),
    "no decoder's steps": lambda header: header["quantiser"].update(decoder={}),
    "large grid": lambda header: header["bake"].update(grid=[4000, 4000, 4000]),
    "large tables": lambda header: header["field"]["hash"].update(log2_size=24, finest=2000, levels=12),
    "chunks are text": lambda header: header.update(chunks="none"),
    "a chunk too few": lambda header: header["chunks"].pop(),
    "unknown kind": lambda header: header["chunks"][1].update(kind="other"),
    "sections too long": lambda header: header["chunks"][2].update(sections=[["codes", 10**9]]),
    "title": lambda header: header.update(title=5),
    "provenance": lambda header: header.update(provenance=[]),
    "box": lambda header: header.update(box="none"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_headers_that_cannot_be(saved: Path, tmp_path: Path, damage: object) -> None:
    container = open_container(saved)
    parts = [container.read(chunk) for chunk in container.chunks]
    header = json.loads(json.dumps(container.header))
    damage(header)  # type: ignore[operator]
    path = tmp_path / "a.dymap"
    path.write_bytes(packed_file(header, parts))
    with pytest.raises(InputError, match=r"a\.dymap: damaged header"):
        load_video(path)


def test_a_later_version(saved: Path, tmp_path: Path) -> None:
    import zlib

    data = bytearray(saved.read_bytes())
    data[8] = 3
    data[20:24] = zlib.crc32(data[:20]).to_bytes(4, "little")
    (tmp_path / "a.dymap").write_bytes(data)
    with pytest.raises(InputError, match="version 3 of the file format"):
        load_video(tmp_path / "a.dymap")


def test_what_a_decoder_began_with_is_not_stored(video: BakedVideo, tmp_path: Path) -> None:
    """Known by its seed, it takes a fraction; another seed, or another start, is noticed, and all is stored."""
    field = copy.deepcopy(video.field)
    with torch.no_grad():
        begin(field.decoder, 7)
        for value in field.decoder.parameters():
            value += 0.001 * torch.randn_like(value)
    sizes = {}
    for seed in (7, 8):
        begun = video.part(0, field).with_facts(about=About(provenance={"seed": seed}))
        path = tmp_path / f"{seed}.dymap"
        sizes[seed] = save_packed(path, begun)["decoder"]
        back = load_video(path)
        assert back.quantiser["start"] == (7 if seed == 7 else None)
        for name, value in field.decoder.named_parameters():
            step = back.quantiser["decoder"][f"decoder.{name}"][0]
            error = (dict(back.field.decoder.named_parameters())[name] - value).abs().max()
            assert error <= 0.51 * step + 1e-6, name
        save_packed(tmp_path / "again.dymap", back)
        assert (tmp_path / "again.dymap").read_bytes() == path.read_bytes()
    assert sizes[7] < sizes[8] / 2
