"""Hash grids that nobody collapsed stay so, however many points a small field is asked for."""

from __future__ import annotations

import pytest
from torch import Tensor

from dymap.field.hashgrid import HashAtTime


@pytest.fixture(autouse=True)
def pointwise(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.module.__name__.rpartition(".")[2] == "test_hashgrid":
        return
    collapse_for = HashAtTime.collapse_for

    def only_if_it_is_there(self: HashAtTime, _points: int) -> Tensor | None:
        return collapse_for(self, 0)  # for no points it never pays

    monkeypatch.setattr(HashAtTime, "collapse_for", only_if_it_is_there)
