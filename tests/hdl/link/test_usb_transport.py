"""USB, from the bits of a packet to a training; the host is held against the specification before a device is."""

from __future__ import annotations

import random

import pytest

from backspike.hdl.board import BoardTop
from backspike.hdl.link.usb_transport import UsbTransport
from backspike.hdl.verilog import emit
from backspike.sim.exercise import random_config
from backspike.sim.runner import run_bench
from tests.hdl.benches.usb import NAME, PORTS, ClockedBoard, UsbBench, wrapped
from tests.hdl.benches.usb_host import (
    SYNC,
    Pid,
    UsbError,
    bits_of,
    bits_of_bytes,
    crc5,
    crc16,
    decode,
    encode,
    remainder,
    states_of,
    stuff,
)

SEED = 20275


def text_of(bits: list[int]) -> str:
    return "".join(map(str, bits))


@pytest.mark.parametrize(
    ("field", "check"),
    [
        # Of the paper "Cyclic redundancy checks in USB" of the USB Implementers Forum, in the order in which bits are
        # sent: setup to address 0x15, endpoint 0xe; out to 0x3a, 0xa; in to 0x70, 4; frame 1.
        (0x15 | 0xE << 7, "10111"),
        (0x3A | 0xA << 7, "11100"),
        (0x70 | 0x4 << 7, "01110"),
        (0x001, "10111"),
        # As bus analysers show it: 2D 00 10, 69 03 50.
        (0x00, "01000"),
        (0x03, "01010"),
    ],
)
def test_checks_of_tokens_are_those_published(field, check):
    assert text_of(crc5(bits_of(field, 11))) == check
    # The remainder of a whole field (USB 2.0, 8.3.5.1).
    assert remainder([*bits_of(field, 11), *crc5(bits_of(field, 11))], 0b00101, 5) == 0b01100


@pytest.mark.parametrize(
    ("content", "check"),
    [
        # Of the same paper.
        ("00010203", 0xF75E),
        ("23456789", 0x7038),
        # GET_DESCRIPTOR as bus analysers show it, with DD 94 after it; and what the catalogues of CRCs have of digits.
        ("8006000100004000", int(f"{0x94DD:016b}"[::-1], 2)),
        (b"123456789".hex(), int(f"{0xB4C8:016b}"[::-1], 2)),
        ("", 0),
    ],
)
def test_checks_of_data_are_those_published(content, check):
    data = bits_of_bytes(bytes.fromhex(content))
    assert text_of(crc16(data)) == f"{check:016b}"
    assert remainder([*data, *crc16(data)], 0x8005, 16) == 0b1000_0000_0000_1101


def test_a_zero_comes_after_six_ones():
    """As USB 2.0, 7.1.9, has it; SYNC's one counts (figure 7-32)."""
    assert text_of(stuff([1] * 13)) == "111111" + "0" + "111111" + "0" + "1"
    assert text_of(stuff([*SYNC, 1, 1, 1, 1, 1, 1])) == "00000001" + "11111" + "0" + "1"
    assert text_of(stuff([1, 1, 1, 1, 1, 1])) == "1111110"


def test_lines_of_packets_are_those_published():
    """SYNC is KJKJKJKK (figure 7-35), ACK 0x4B after it; its bits and states are written out by hand."""
    assert states_of(SYNC) == "KJKJKJKK" + "00J"
    assert text_of(encode(Pid.ACK)) == "00000001" + "01001011"
    assert states_of(stuff(encode(Pid.ACK))) == "KJKJKJKK" + "JJKJJKKK" + "00J"


def test_what_is_sent_is_read_and_nothing_else_is():
    generator = random.Random(SEED)
    for size in (0, 1, 7, 64):
        content = bytes(generator.choice((0, 255, 0x7E, generator.randrange(256))) for _ in range(size))
        states = states_of(stuff(encode(Pid.DATA1, content)))[:-3]
        assert decode(states) == (Pid.DATA1, content)
        for _ in range(20):
            place = generator.randrange(len(states))
            other = states[:place] + {"J": "K", "K": "J"}[states[place]] + states[place + 1 :]
            with pytest.raises(UsbError):
                decode(other)


@pytest.mark.slow
def test_a_host_trains_over_usb() -> None:
    """On Verilator alone: 20 milliseconds of the bus are two million clocks, with which Icarus takes minutes."""
    config = random_config(SEED, layers=(6, 4, 3), lanes=(2, 1), input="spikes", ticks=5, patience=2, rates=(256, 256))
    board = ClockedBoard(BoardTop(config, UsbTransport()))
    run_bench(
        "tests.hdl.benches.verilog",
        emit(board, "usb_board") + wrapped("usb_bench", "usb_board"),
        "usb_bench",
        parameters={
            "seed": SEED,
            "ports": PORTS,
            "turns": [{NAME: (UsbBench.__module__, UsbBench.__name__)}],
            "jobs": {NAME: {"config": config.to_dict(), "rounds": 7, "skew": 0.001, "damage": 0.05}},
        },
        public=[],
        seed=SEED,
    )
