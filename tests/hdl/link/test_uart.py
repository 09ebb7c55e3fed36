"""The serial line: bit rates that are off by some percent, pulses, bytes without a stop bit; bytes in a row."""

from __future__ import annotations

from pathlib import Path

from backspike.hdl.link.uart import BREAK_BITS, UartReceiver, UartTransmitter
from tests.hdl.benches.simulation import simulate
from tests.hdl.benches.uart import UartBench
from tests.hdl.variants import FEW_AND_REST, choose

SEED = 20265
FEW = ["receiver_12_slow", "transmitter_4", "receiver_4_even", "receiver_12_fast"]


def variants():
    variants = {}
    for divisor, skew in ((4, 0.0), (5, 0.0), (12, 0.02), (12, -0.02), (33, 0.04), (33, -0.04)):
        sign = "fast" if skew < 0 else "slow" if skew > 0 else "even"
        job = {"unit": "receiver", "divisor": divisor, "skew": skew}
        variants[f"receiver_{divisor}_{sign}"] = (UartReceiver(divisor), job)
    for divisor in (4, 17):
        variants[f"transmitter_{divisor}"] = (UartTransmitter(divisor), {"unit": "transmitter", "divisor": divisor})
    return variants


@FEW_AND_REST
def test_bytes_come_as_they_were_sent(few: bool) -> None:
    simulate(UartBench, choose(variants(), FEW, few), SEED)


def test_a_break_is_as_long_as_the_text_says() -> None:
    text = (Path(__file__).parents[3] / "docs" / "host_link.md").read_text()
    assert f"the line at 0 for {BREAK_BITS} bits' time or longer" in text
