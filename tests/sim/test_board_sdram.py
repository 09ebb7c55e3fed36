"""A whole board whose samples lie in an SDRAM, simulated at the part's pins, beside the golden model of the link."""

from __future__ import annotations

import re
import struct
from functools import partial
from random import Random

import pytest

from backspike import BackspikeError
from backspike.cli import main
from backspike.fpga.link.frames import Frame
from backspike.hdl.memory.sdram import Sdram
from backspike.link import LinkEvent, MemoryRequest, Request
from backspike.sim import board as module
from backspike.sim.board import SimulatedBoard
from backspike.sim.requests import Conversation

from .boards import CONFIG
from .test_requests import HELLO

pytestmark = pytest.mark.slow

SEED = 20282
# Short rows, so that records go over their ends.
CHIP = Sdram(row_bits=4, column_bits=5, power_up=2e3)


def test_it_answers_as_the_model_does_and_the_part_has_nothing_to_complain_of():
    """Bits of words flip in between, in both: what is damaged is found, and no other weight comes out."""
    random = Random(SEED)
    with SimulatedBoard(CONFIG, sdram=CHIP) as board:
        conversation = Conversation(board, CONFIG, random, memory_bits=CHIP.address_bits)
        conversation.tell(HELLO[0])
        conversation.fill_memory()
        kinds: set[str] = set()
        for _ in range(4):
            found, _ = conversation.run(50, interval=50)
            kinds |= set(found)
            conversation.rest()
            for _ in range(9):
                address, mask = random.randrange(1 << CHIP.address_bits), 1 << random.randrange(16)
                board.flip(address, mask)
                conversation.model.memory[address] ^= mask
        # The longest frame that such a board takes, nearly all of it entries that are dropped.
        longest = struct.pack("<HH", 0, 4091) + bytes((1, 7)) * 4091
        request = Frame((conversation.model.sequence + 1) % 256, Request.SAMPLES, longest)
        assert conversation.tell(request) is LinkEvent.TAKEN
        conversation.rest()
        assert board.complaint == ""
        with pytest.raises(BackspikeError, match=r"^the SDRAM has 2,048 words, so none has the address 2048$"):
            board.flip(2048, 1)
    assert {kind.name for kind in MemoryRequest} <= kinds, f"seed {SEED}"
    assert conversation.model.shown > 30


def test_what_the_part_complains_of_is_told(capsys, monkeypatch):
    """A controller that comes too late with its refreshes, in the device of a command that finds nothing else wrong."""
    monkeypatch.setattr("backspike.hdl.memory.sdram.SdramController.interval", 1000)
    monkeypatch.setattr("backspike.hdl.memory.sdram.Sdram", lambda: CHIP)
    # What is built so is for nobody else.
    monkeypatch.setattr(module, "_library", module._library.__wrapped__)
    monkeypatch.setattr(module, "SimulatedBoard", partial(SimulatedBoard, optimise=False))
    given = ["host", "identify", "--config", "tiny", "--simulate", "--sample-memory"]
    assert main(given) == 2
    assert re.search(r"error: clock \d+ of the SDRAM: tREFI: no refresh for too long$", capsys.readouterr().err, re.M)
