"""What Python and JavaScript tell the kernels is the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.config import FieldConfig, HashConfig
from dymap.geometry.camera import Camera, look_at
from dymap.gpu.device import source
from dymap.gpu.sizes import buffer_bytes, field_constants, levels_of, network_lanes
from dymap.gpu.template import shader
from dymap.presets import preset
from tests.web.node import needs_node, run_node
from tests.web.served import WEB

FIELDS = {
    "small": preset("small").field,
    "pocket": preset("pocket").field,
    "published": FieldConfig(),
    "odd": FieldConfig(
        hash=HashConfig(levels=3, log2_size=9, features=3, base=4, finest=11), hidden=6, width=18, layers=2,
        overlap=False, directions="sh", direction_degree=3, plane_size=16, map_size=4,
    ),
}  # fmt: skip
GRID = (33, 7, 20)
MODULES = [*sorted((WEB / "gpu").glob("*.js")), *sorted((WEB / "engines").glob("*.js"))]


def parts_of(config: FieldConfig) -> list[str]:
    return ["numbers_packed", f"unit_{field_constants(config, GRID)['UNIT']}", f"views_{config.directions}", "march"]


def told(config: FieldConfig) -> dict[str, Any]:
    """A field as the page's reader has it."""
    levels = levels_of(config)
    field = asdict(config) | {name: getattr(config, name) for name in ("channels", "view_dim", "map_params")}
    return {
        "field": field,
        "levels": {"resolutions": levels.resolutions},
        "grid": GRID,
        "parts": parts_of(config),
    }


def cameras() -> list[tuple[Camera, tuple[int, int]]]:
    R, T = look_at((2, 1, 1.5), (0, 0.1, 0.8))
    wide = Camera(np.array([[500.0, 0, 300], [0, 510, 180], [0, 0, 1]]), R, T, 640, 360)
    skewed = Camera(np.array([[500.0, 3, 250], [0, 480, 260], [0, 0, 1]]), R, T, 512, 512)
    return [(wide, (640, 360)), (wide, (300, 300)), (skewed, (100, 300)), (skewed, (900, 200))]


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    views = [
        {"view": {name: np.ravel(getattr(camera, name)).tolist() for name in "KRT"}
         | {"width": camera.width, "height": camera.height}, "size": size}
        for camera, size in cameras()
    ]  # fmt: skip
    file = tmp_path_factory.mktemp("kernels") / "asked.json"
    file.write_text(json.dumps({"fields": [told(config) for config in FIELDS.values()], "views": views}))
    return run_node("kernels.mjs", file)


@needs_node
@pytest.mark.parametrize("name", FIELDS)
def test_constants_and_shaders_are_the_same(answer: dict[str, Any], name: str) -> None:
    config = FIELDS[name]
    found = answer["fields"][list(FIELDS).index(name)]
    constants = field_constants(config, GRID)
    assert list(found["constants"].items()) == list(constants.items())
    assert found["lanes"] == network_lanes(config)
    assert found["bytes"] == [buffer_bytes(constants, numbers) for numbers in ("f32", "packed", "f16")]
    assert found["shader"] == shader([source(part) for part in parts_of(config)], constants)


@needs_node
def test_rays_are_those_of_cameras_that_are_fitted_to_the_picture(answer: dict[str, Any]) -> None:
    for (camera, size), found in zip(cameras(), answer["views"], strict=True):
        fitted = camera.fitted(*size)
        ray = fitted.R.T @ np.linalg.inv(fitted.K)
        for k, name in enumerate(("right", "down", "ahead")):
            np.testing.assert_allclose(found[name], ray[:, k], atol=1e-12)
        np.testing.assert_allclose(found["origin"], fitted.position, atol=1e-12)


def test_names_at_the_top_are_unique_in_the_whole_page() -> None:
    name = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
    found = Counter(n for path in WEB.rglob("*.js") for n in set(name.findall(path.read_text(encoding="utf-8"))))
    ours = {n for path in MODULES for n in name.findall(path.read_text(encoding="utf-8"))}
    assert [n for n in ours if found[n] > 1] == []


@pytest.mark.parametrize("path", MODULES, ids=[path.name for path in MODULES])
def test_modules_are_short_and_plain(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// @ts-check\n/**")
    assert text.count("\n") < 300
    assert max(map(len, text.splitlines())) <= 180
    for names, module in re.findall(r'^import \{([^}]*)\} from "([^"]+)";$', text, re.MULTILINE):
        assert (path.parent / module).exists()
        for name in re.findall(r"\w+", names):
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported in vain"
    code = re.sub(r"/\*.*?\*/|(?m:^\s*//[^\n]*$)", "", text, flags=re.DOTALL)
    assert not re.search(r"\bimport\s*\(|export\s+(default|\{|\*)|^await ", code, re.MULTILINE)
    assert (path.name == "sources.js") == ("import.meta" in code)
