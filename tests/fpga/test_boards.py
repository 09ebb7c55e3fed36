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
    pll, divisor = board.timing(board.clock, board.baud)
    assert 0.9 * board.clock < pll.frequency <= board.clock
    # A byte has 10 bits, and each is looked at in its middle.
    assert divisor >= 4
    assert abs(pll.frequency * 1e6 / divisor / board.baud - 1) < 0.02


@pytest.mark.parametrize(
    ("clock", "baud", "divisor"), [(60, 3_000_000, 20), (60, 12_000_000, 5), (60, 15_000_000, 4), (60, 115_200, 521)]
)
def test_a_line_takes_whole_clocks_a_bit(clock, baud, divisor):
    board = BOARDS["ulx3s-85f"]
    assert board.timing(clock, baud)[1] == divisor
    assert board.has_timing(clock, baud)


@pytest.mark.parametrize(("baud", "ratio"), [(16_000_000, "3.75"), (20_000_000, "3.00"), (13_000_000, "4.62")])
def test_a_line_that_cannot_be_made_is_one_sentence(baud, ratio):
    board = BOARDS["ulx3s-85f"]
    sentence = (
        rf"^the line cannot have {baud:,} bits a second at 60.0 MHz: a bit would take {ratio} clocks, and has to take "
        r"a whole number, at least 4, within 2%$"
    )
    with pytest.raises(BackspikeError, match=sentence):
        board.timing(60, baud)
    assert not board.has_timing(60, baud)


def test_an_unknown_board_is_one_sentence():
    with pytest.raises(BackspikeError, match=r"^board must be one of icebreaker, hx8k, .*, not 'nonsense'$"):
        find_board("nonsense")
