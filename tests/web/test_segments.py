"""Which segments the browser's reader loads, keeps and cancels."""

from tests.web.node import needs_node, run_node


@needs_node
def test_segments_come_go_and_are_cancelled() -> None:
    told = run_node("segments_in_memory.mjs")
    assert set(told.values()) == {"right"}, told
