"""Frames on a serial line, in both directions at once."""

from __future__ import annotations

from backspike.hdl.link.serial_transport import SerialTransport
from tests.hdl.benches.line import SerialTransportBench
from tests.hdl.benches.simulation import simulate

SEED = 20273


def variants():
    return {f"divisor_{divisor}": (SerialTransport(divisor), {"divisor": divisor}) for divisor in (4, 5)}


def test_frames_go_both_ways() -> None:
    simulate(SerialTransportBench, variants(), SEED)
