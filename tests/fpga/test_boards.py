"""Boards are described as they are, and change no result."""

from __future__ import annotations

import pytest

from backspike import PRESETS, BackspikeError
from backspike.fpga.boards import BOARDS, find_board


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_changes_no_result(name):
    for config in PRESETS.values():
        assert BOARDS[name].fit(config).checkpoint_hash == config.checkpoint_hash


@pytest.mark.parametrize("name", BOARDS)
def test_clock_and_line_can_be_made(name):
    board = BOARDS[name]
    clock = board.pll(board.platform().default_clk_frequency / 1e6, board.clock).frequency * 1e6
    divisor = round(clock / board.baud)
    # A byte has 10 bits, and each is looked at in its middle.
    assert divisor >= 4
    assert abs(clock / divisor / board.baud - 1) < 0.02


def test_an_unknown_board_is_one_sentence():
    with pytest.raises(BackspikeError, match=r"^board must be one of icebreaker, hx8k, .*, not 'nonsense'$"):
        find_board("nonsense")
