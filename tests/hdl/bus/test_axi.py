"""A network on AXI: loaded, trained and read by masters that are not ours, it is the golden model bit for bit."""

from __future__ import annotations

import pytest

from tests.hdl.variants import NEEDS_ICARUS, ON_BOTH

from .design import assert_learned, run

pytestmark = pytest.mark.slow


@ON_BOTH
def test_learns_as_the_golden_model_does(simulator: str) -> None:
    assert_learned("axi", "rate", simulator, stalls=0.3)


@NEEDS_ICARUS
def test_learns_recorded_spikes_and_waits_for_none_that_do_not_come() -> None:
    assert_learned("axi", "spikes", "icarus", stalls=0.3, also="waits_for_no_unfinished_sample")


@NEEDS_ICARUS
def test_refuses_and_does_not_hang() -> None:
    run("axi", "rate", "icarus", "refuses|nobody_waits_for_ever|packets_and_marks", stalls=0.2)
