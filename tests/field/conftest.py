"""Frames that were asked not to collapse do not, however many points a small field is asked for."""

from __future__ import annotations

import pytest

from dymap.field.hashgrid import PointwiseHash


@pytest.fixture(autouse=True)
def pointwise(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.module.__name__.rpartition(".")[2] != "test_hashgrid":
        monkeypatch.setattr(PointwiseHash, "collapsed", lambda _self, _points: None)
