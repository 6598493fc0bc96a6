"""dymap mesh: one file a frame, and one sentence where there can be none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dymap.play.mesh import extract_mesh, sample_points
from dymap.play.video import load
from dymap.video.model_file import save_video
from tests.cli.conftest import Run
from tests.golden.sources import Golden
from tests.video.videos import FRAMES, painted_video

COARSE = ("--voxel", 0.05, "--level", 0.5)


@pytest.fixture(scope="module")
def run(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run with a baked file in it."""
    folder = tmp_path_factory.mktemp("run")
    save_video(folder / "video.dymap", painted_video(trimmed))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_help(dymap: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        dymap("mesh", "--help")
    assert caught.value.code == 0
    assert "dymap mesh" in capfd.readouterr().out


def test_a_file_for_every_frame(dymap: Run, run: Path) -> None:
    said = dymap("mesh", run, *COARSE)
    assert said.code == 0
    assert f"meshes: {FRAMES} ply files" in said.out
    assert names(run / "meshes") == [f"mesh_{index:06d}.ply" for index in range(FRAMES)]
    video = load(run)
    expected = extract_mesh(video.baked.field.at(3), video.baked.occupancy[3], voxel=0.05, level=0.5)
    back = trimesh.load(run / "meshes" / "mesh_000003.ply", process=False)
    assert isinstance(back, trimesh.Trimesh)
    np.testing.assert_array_equal(back.vertices, expected.vertices)
    np.testing.assert_array_equal(back.faces, expected.faces)
    np.testing.assert_array_equal(back.visual.vertex_colors[:, :3], expected.colours)


@pytest.mark.parametrize("kind", ["ply", "glb", "obj"])
def test_chosen_frames_and_formats(dymap: Run, run: Path, tmp_path: Path, kind: str) -> None:
    said = dymap("mesh", "--frames", 4, 1, "--format", kind, "--out", tmp_path, *COARSE, "--", run)
    assert said.code == 0
    assert names(tmp_path) == [f"mesh_000001.{kind}", f"mesh_000004.{kind}"]


def test_points_instead_of_triangles(dymap: Run, run: Path, tmp_path: Path) -> None:
    assert dymap("mesh", run / "video.dymap", "--frames", 2, "--points", 300, "--out", tmp_path, *COARSE).code == 0
    assert names(tmp_path) == ["points_000002.ply"]
    back = trimesh.load(tmp_path / "points_000002.ply")
    assert isinstance(back, trimesh.PointCloud)
    video = load(run)
    surface = extract_mesh(video.baked.field.at(2), video.baked.occupancy[2], voxel=0.05, level=0.5)
    np.testing.assert_array_equal(back.vertices, sample_points(surface, 300).positions)


def test_simplified_and_in_one_piece(dymap: Run, run: Path, tmp_path: Path) -> None:
    words = ("mesh", run, "--frames", 2, "--voxel", 0.05, "--level", 0.3, "--out", tmp_path)
    before = load_mesh(dymap, tmp_path / "mesh_000002.ply", *words)
    said = dymap(*words, "--simplify", 300, "--largest")
    assert said.code == 0
    after = trimesh.load(tmp_path / "mesh_000002.ply", process=False)
    assert isinstance(after, trimesh.Trimesh)
    assert f"1 ply files, {len(after.faces)} faces a frame" in said.out
    assert len(after.faces) <= 300 < len(before.faces)
    assert before.is_watertight
    assert after.is_watertight
    assert after.body_count == 1
    video = load(run)
    expected = extract_mesh(
        video.baked.field.at(2), video.baked.occupancy[2], voxel=0.05, level=0.3, min_piece=1, target=300
    )
    np.testing.assert_array_equal(after.visual.vertex_colors[:, :3], expected.colours)
    shared = load_mesh(dymap, tmp_path / "mesh_000002.ply", *words, "--simplify", 0.5, "--min-piece", 0.01)
    assert len(shared.faces) == pytest.approx(len(before.faces) / 2, rel=0.1)
    assert shared.is_watertight


def load_mesh(dymap: Run, path: Path, *words: object) -> trimesh.Trimesh:
    assert dymap(*words).code == 0
    mesh = trimesh.load(path, process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


def test_one_animated_file_of_the_clip(dymap: Run, run: Path, tmp_path: Path) -> None:
    said = dymap("mesh", run, "--animate", "--simplify", 200, "--out", tmp_path, *COARSE)
    assert said.code == 0
    assert "clip.glb," in said.out
    assert names(tmp_path) == ["clip.glb"]
    scene = trimesh.load(tmp_path / "clip.glb")
    assert isinstance(scene, trimesh.Scene)
    assert len(scene.geometry) == FRAMES
    words = ("--animate", "--points", 50, "--frames", 3, 1, "--format", "glb")
    assert dymap("mesh", run, *words, "--out", tmp_path / "mine.glb", *COARSE).code == 0
    assert names(tmp_path) == ["clip.glb", "mine.glb"]
    few = trimesh.load(tmp_path / "mine.glb")
    assert isinstance(few, trimesh.Scene)
    assert len(few.geometry) == 2


def test_splats_instead_of_triangles(dymap: Run, run: Path, tmp_path: Path) -> None:
    said = dymap("mesh", run, "--splats", "--frames", 2, 4, "--out", tmp_path, *COARSE)
    assert said.code == 0
    assert "2 ply files" in said.out
    assert "splats a frame" in said.out
    assert names(tmp_path) == ["splats_000002.ply", "splats_000004.ply"]
    assert dymap("mesh", run, "--splats", "--points", 70, "--frames", 2, "--out", tmp_path, *COARSE).code == 0
    assert b"element vertex 70\n" in (tmp_path / "splats_000002.ply").read_bytes()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--simplify", 2), ("--simplify 2: expected a number of faces from 4",)),
        (("--simplify", 0.5, "--points", 9), ("leave it out with --points and --splats",)),
        (("--simplify", 0.5, "--splats"), ("leave it out with --points and --splats",)),
        (("--largest", "--min-piece", 0.1), ("choose one of them",)),
        (("--min-piece", 2), ("--min-piece 2: expected a share",)),
        (("--animate", "--splats"), ("leave out --animate",)),
        (("--animate", "--format", "obj"), ("GLB", "leave out --format obj")),
        (("--splats", "--format", "glb"), ("PLY", "leave out --format glb")),
    ],
)
def test_options_that_do_not_go_together(
    dymap: Run, run: Path, tmp_path: Path, words: tuple[object, ...], parts: tuple[str, ...]
) -> None:
    dymap("mesh", run, "--out", tmp_path / "out", *words).failed_with(*parts)
    assert not (tmp_path / "out").exists()


def test_whole_box(dymap: Run, trimmed: Golden, tmp_path: Path) -> None:
    """Where the bake left everything empty, only --whole-box finds a surface."""
    video = painted_video(trimmed)
    occupancy = video.occupancy.clone()
    video.occupancy.zero_()
    try:
        save_video(tmp_path / "video.dymap", video)
    finally:
        video.occupancy.copy_(occupancy)
    said = dymap("mesh", tmp_path, "--frames", 1, *COARSE)
    said.failed_with("frame 1: no surface", "in the occupied voxels exceeds the level 0.5 (largest in the box: ")
    assert not (tmp_path / "meshes").exists()
    assert dymap("mesh", tmp_path, "--frames", 1, "--whole-box", *COARSE).code == 0
    assert names(tmp_path / "meshes") == ["mesh_000001.ply"]


def test_what_cannot_be(dymap: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = ("--out", tmp_path / "out")
    dymap("mesh", tmp_path).failed_with("not baked yet; run `dymap bake")
    dymap("mesh", run, *out, "--frames", FRAMES).failed_with(f"frame {FRAMES} does not exist: there are {FRAMES}")
    dymap("mesh", run, *out, "--frames", -1).failed_with("frame -1 does not exist")
    dymap("mesh", run, *out, "--points", 0).failed_with("--points 0: expected a number from 1")
    dymap("mesh", run, *out, "--voxel", 0).failed_with("--voxel 0: expected a length above 0")
    dymap("mesh", run, *out, "--voxel", 1e-5).failed_with("frame 0: voxels of 0.01 mm", "take a larger --voxel")
    dymap("mesh", run, *out, "--level", 1e6).failed_with("frame 0: no surface", "level 1e+06", "largest in the box")
    dymap("mesh", run, *out, "--device", "toaster").failed_with("device 'toaster' cannot be used")
    (tmp_path / "file").write_text("in the way")
    dymap("mesh", run, *COARSE, "--out", tmp_path / "file").failed_with("file", "cannot be written")
    monkeypatch.setitem(sys.modules, "trimesh", None)
    dymap("mesh", run, *COARSE, *out).failed_with("pip install 'dymap[mesh]'")
    assert not (tmp_path / "out").exists()
