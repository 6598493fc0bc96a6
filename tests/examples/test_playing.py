"""The examples that play, read, measure and compute: they run on a run, or on the clip that comes with dymap."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from torch import Tensor

import dymap
from dymap.field.frame import Frame
from dymap.kernels import opacity_sum
from tests.examples.conftest import FOLDER, Run, example, names_of


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of a picture, which shows something."""
    image = cv2.imread(str(path))
    assert image is not None
    assert image.std() > 1
    return image.shape[0], image.shape[1]


def test_the_film_follows_its_path(run: Run, tmp_path: Path, trained: tuple[Path, str]) -> None:
    text = run("02", tmp_path, "--run", str(trained[0] / "run"), "--size", "64", "--images", "8")
    assert "8 images of 2 moments" in text
    for name in ("climb.mp4", "climb_depth.mp4"):
        film = cv2.VideoCapture(str(tmp_path / name))
        assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 8
    assert size_of(tmp_path / "standstill.png") == (64, 64)

    path = SimpleNamespace(**names_of("02"))
    moments = [path.moment(k / 96, 24) for k in range(96)]
    assert moments == sorted(moments)
    assert set(moments) == set(range(24))
    assert moments.count(12) > 48, "the dance stands still for half of the way"
    camera = path.climbing_camera(0.3, np.array([0.0, 0.0, 1.0]), 64)
    np.testing.assert_allclose(camera.project([[0.0, 0.0, 1.0]])[0], [[31.5, 31.5]])


def test_a_baked_file_is_read_without_dymap(run: Run, tmp_path: Path) -> None:
    texts = example("03").read_text() + (FOLDER / "read_format.py").read_text()
    assert not re.search(r"^\s*(import|from) (dymap|torch)", texts, re.MULTILINE)
    names = SimpleNamespace(**names_of("03"))
    header, shared, tensors = names.read(names.PACKAGED)
    video = dymap.load(names.PACKAGED)
    for name, value in video.baked.field.state_dict().items():
        np.testing.assert_array_equal(tensors[name], value.numpy(), err_msg=name)
    np.testing.assert_array_equal(tensors["occupancy"], video.baked.occupancy.numpy())
    assert shared["poster"] == video.baked.poster
    assert len(header["cameras"]) == len(video.cameras)
    np.testing.assert_array_equal(tensors["boxes"], video.boxes.numpy())

    occupied = int(video.baked.occupancy[5].sum())
    text = run("03", tmp_path, "--frame", "5")
    assert f"frame 5: {occupied} of {video.baked.occupancy[5].numel()} voxels" in text
    camera = video.cameras[0]
    assert size_of(tmp_path / "occupancy.png") == (camera.height, 4 * camera.width)

    box = video.boxes[5].numpy()
    points = names.occupied_points(video.baked.occupancy[5].numpy(), box)
    assert points.shape == (occupied, 3)
    assert (points > box[0]).all()
    assert (points < box[1]).all()
    pixels, depth = camera.project(points)
    nearest = np.rint(pixels[depth.argmin()]).astype(int)
    drawn = names.draw(points, header["cameras"][0])
    assert drawn[nearest[1], nearest[0]] == 255


def test_the_metric_is_measured_over_the_protocol(run: Run, tmp_path: Path) -> None:
    text = run("07", tmp_path, "--size", "64", "--frames", "2")
    rows = re.findall(r"^ +(\d) +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", text, re.MULTILINE)
    assert [(int(frame), int(view)) for frame, view, *_ in rows] == [(f, v) for f in (0, 1) for v in (3, 7, 11, 15)]
    assert min(float(row[2]) for row in rows) > 15, "both moments are those of the clip"
    assert size_of(tmp_path / "most_blurred.png") == (64, 3 * 64)

    sharpness = names_of("07")["sharpness"]
    image = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    assert sharpness(image, image) == 1
    assert sharpness(cv2.blur(image, (3, 3)), image) < 0.5


def test_the_kernel_is_registered_and_timed(run: Run, tmp_path: Path) -> None:
    text = run("08", tmp_path, "--size", "24")
    milliseconds = json.loads((tmp_path / "milliseconds.json").read_text())
    names = list(milliseconds)
    assert names[0] == "masked"
    assert names[-1] == "torch"
    assert re.findall(r"^(\w+) .* ms, the same sum", text, re.MULTILINE) == names
    assert "masked" not in dymap.kernels.available(), "the fixture has forgotten it"


def test_the_kernel_computes_the_reference_and_its_gradient() -> None:
    masked = names_of("08")["MaskedSum"].apply
    sigma = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(3, 4, 5) < 0.5
    torch.testing.assert_close(masked(sigma, mask, 0.3), opacity_sum.reference(sigma, mask, 0.3))
    torch.autograd.gradcheck(lambda s: masked(s, mask, 0.3), (sigma,))


def test_sections_show_the_inside(run: Run, tmp_path: Path, trained: tuple[Path, str]) -> None:
    text = run("09", tmp_path, "--run", str(trained[0] / "run"), "--time", "1", "--size", "32")
    assert "m above the floor" in text
    assert size_of(tmp_path / "sections.png") == (3 * 32, 2 * 32)


class Ball(Frame):
    """A ball of 30 cm in the middle of its box; nobody asks for its colour."""

    box = torch.tensor([[-0.5, -1.0, 0.0], [0.5, 1.0, 2.0]])

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        world = self.box[0] + position * (self.box[1] - self.box[0])
        radius = (world - torch.tensor([0.0, 0.0, 1.0])).norm(dim=-1)
        return 1000 * (0.3 - radius), position


def test_clay_is_lit_from_where_the_light_is(run: Run, tmp_path: Path, trained: tuple[Path, str]) -> None:
    text = run("10", tmp_path, "--run", str(trained[0] / "run"), "--size", "64", "--light", "1", "0", "0")
    assert float(re.findall(r"opacities ([\d.e+-]+)", text)[0]) < 1e-3, "it has the dancer's shape"
    assert size_of(tmp_path / "clay.png") == (64, 2 * 64)

    clay = names_of("10")["Clay"](Ball(), (2.0, 0.0, 0.0))
    directions = torch.nn.functional.normalize(torch.randn(50, 3), dim=1)
    surface = clay.normalise(torch.tensor([0.0, 0.0, 1.0]) + 0.28 * directions)
    torch.testing.assert_close(clay.normals(surface), directions, atol=0.01, rtol=0)
    lit, dark = clay.colour(clay.normalise(torch.tensor([[0.28, 0, 1.0], [-0.28, 0, 1.0]])), surface, directions)
    torch.testing.assert_close(lit, torch.tensor([0.85, 0.60, 0.45]))
    torch.testing.assert_close(dark, lit / 4)
