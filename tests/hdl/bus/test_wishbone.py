"""A network on Wishbone: loaded, trained and read by a master that is not ours, it is the golden model bit for bit."""

from __future__ import annotations

import pytest

from tests.hdl.variants import NEEDS_ICARUS

from .design import assert_learned

pytestmark = pytest.mark.slow


# On Verilator, whose build takes longer than all of these, that on AXI stands for both.
@NEEDS_ICARUS
def test_learns_as_the_golden_model_does_refuses_and_does_not_hang() -> None:
    also = ["refuses", "nobody_waits_for_ever", "a_master_that_gives_up_is_forgotten"]
    assert_learned("wishbone", "rate", "icarus", stalls=0.3, also=also)


@NEEDS_ICARUS
def test_learns_recorded_spikes_from_a_pipelined_master_and_waits_for_none_that_do_not_come() -> None:
    assert_learned("wishbone", "spikes", "icarus", 0.3, "learns_pipelined", also=["waits_for_no_unfinished_sample"])
