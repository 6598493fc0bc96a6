"""Loops of templates are written out."""

from __future__ import annotations

import pytest

from dymap.gpu.template import shader


def test_constants_come_first_and_loops_are_written_out() -> None:
    text = "a\n$for i N\nb[$i] $index\n$end\nc"
    assert shader([text], {"N": 2}) == "const N = 2u;\na\nb[0] $index\nb[1] $index\nc\n"


def test_loops_lie_within_each_other() -> None:
    text = "$for i 2\n$for j N\nx $i $j\n$end\ny $i\n$end"
    assert shader([text], {"N": 2}).splitlines()[1:] == ["x 0 0", "x 0 1", "y 0", "x 1 0", "x 1 1", "y 1"]


def test_a_loop_of_no_turns_is_nothing() -> None:
    assert shader(["$for i 0\nx\n$end"], {}) == "\n"


def test_a_loop_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a loop without end: \$for i 2"):
        shader(["$for i 2\nx"], {})


def test_a_shader_of_too_many_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 200000 lines"):
        shader(["$for i 1000\n$for j 1000\nx\n$end\n$end"], {})
