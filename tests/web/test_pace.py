"""While something moves, pictures are as large as 60 a second allow."""

from __future__ import annotations

import json

from tests.web.node import needs_node, run_node


@needs_node
def test_pictures_become_as_large_as_60_a_second_allow() -> None:
    quick, middle, slow = run_node("pace.mjs", json.dumps([[1, 2], [2, 40], [5, 4000]]))
    assert quick[-1][0] == 1
    assert 10 < middle[-1][1] < 1000 / 60
    assert 0.25 < middle[-1][0] < 1
    assert slow[-1][0] == 0.25
    assert all(share == 0.5 for share, _ in (quick[0], quick[1], middle[1])), "the first picture tells nothing"
    settled = {share for share, _ in middle[-20:]}
    assert len(settled) <= 2, "it does not flicker"
