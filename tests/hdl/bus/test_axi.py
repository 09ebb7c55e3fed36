"""A network on AXI: loaded, trained and read by masters that are not ours, it is the golden model bit for bit."""

from __future__ import annotations

import pytest

from tests.hdl.variants import NEEDS_ICARUS, ON_BOTH

from .design import assert_learned

pytestmark = pytest.mark.slow


@ON_BOTH
def test_learns_as_the_golden_model_does_refuses_and_does_not_hang(simulator: str) -> None:
    also = ["refuses", "nobody_waits_for_ever", "packets_and_marks"]
    assert_learned("axi", "rate", simulator, stalls=0.3, also=also)


@NEEDS_ICARUS
def test_learns_recorded_spikes_and_waits_for_none_that_do_not_come() -> None:
    assert_learned("axi", "spikes", "icarus", stalls=0.3, also=["waits_for_no_unfinished_sample"])
