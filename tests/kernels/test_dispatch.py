"""Back ends: who computes what; one file and one registration add one, and the parity tests find it by themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dymap import kernels
from dymap.kernels import Backend, available, dispatch, max_pool, opacity_sum, register, running, total_variation, using

ROOT = Path(__file__).parents[2]
TOY = """
import torch
from dymap import kernels
from dymap.kernels import Backend, register

toy = Backend("toy", "cpu", torch.float32)

@toy.implements(kernels.opacity_sum)
def opacity_sum(sigma, mask, length):
    return FACTOR * (1 - torch.exp(-torch.relu(sigma) * length))[mask].sum()

register(toy)
"""


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> tuple[Backend, list[str]]:
    """A back end that counts what it is asked for, gone after the test."""
    monkeypatch.setattr(dispatch, "_registered", list(dispatch._registered))
    monkeypatch.setattr(dispatch, "_running", dispatch._running)
    backend, asked = Backend("toy", "cpu", torch.float64), list[str]()

    @backend.implements(opacity_sum)
    def _(sigma: Tensor, mask: Tensor, length: float) -> Tensor:
        asked.append("opacity_sum")
        return opacity_sum.reference(sigma, mask, length)

    register(backend)
    return backend, asked


def test_a_back_end_gets_the_tensors_of_its_type_and_the_others_the_rest(toy: tuple[Backend, list[str]]) -> None:
    _, asked = toy
    sigma, mask = torch.rand(4, 5), torch.rand(4, 5) < 0.5
    opacity_sum(sigma, mask, 0.1)
    assert not asked, "float32 is not its type"
    opacity_sum(sigma.double(), mask, 0.1)
    opacity_sum(sigma.double(), mask=mask, length=0.1)
    assert asked == ["opacity_sum"] * 2
    total_variation(sigma.double()[None], 0.1)  # which it does not implement
    assert len(asked) == 2


def test_tensors_in_tuples_and_keywords_count(toy: tuple[Backend, list[str]]) -> None:
    backend, _ = toy
    assert backend.takes([torch.zeros(1, dtype=torch.float64), (torch.zeros(1).double(), [torch.ones(1).long()]), "a"])
    assert not backend.takes([torch.zeros(1).double(), (torch.zeros(1),)])
    assert not backend.takes([torch.zeros(1, device="meta").double()])


def test_using_chooses_one(toy: tuple[Backend, list[str]]) -> None:
    _, asked = toy
    sigma, mask = torch.rand(3).double(), torch.ones(3, dtype=torch.bool)
    assert available()[0] == "toy"
    assert available()[-1] == "torch"
    with using("torch"):
        opacity_sum(sigma, mask, 0.1)
        assert running() == "torch"
    assert not asked
    for name in available():
        with using(name):
            assert running() == name
            max_pool(torch.rand(2, 3, 4))
    with pytest.raises(ValueError, match="'abacus' are not available here; there are toy"), using("abacus"):
        pass


def test_operations_keep_names_and_docstrings_of_their_references() -> None:
    for name in kernels.__all__:
        if isinstance(found := getattr(kernels, name), kernels.Operation):
            assert found.__name__ == name
            assert found.__doc__, name


@pytest.mark.parametrize(("factor", "passes"), [(1.0, True), (1.001, False)])
def test_parity_tests_find_a_back_end_that_is_registered(tmp_path: Path, factor: float, passes: bool) -> None:
    """One file and one registration: the comparison runs with it, and fails if it computes something else."""
    (tmp_path / "toy_backend.py").write_text(TOY.replace("FACTOR", str(factor)))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "toy_backend", "-p", "no:cacheprovider", "-vv",
         "-k", "opacity_sum and toy", str(ROOT / "tests" / "kernels" / "test_lattice.py")],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert "test_opacity_sum[shape0-toy]" in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == (0 if passes else 1), ran.stdout
    assert ("failed" in ran.stdout) != passes
