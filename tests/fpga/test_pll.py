"""Dividers of the PLLs, against settings that are published."""

from __future__ import annotations

import pytest

from backspike import BackspikeError
from backspike.fpga.pll import ecp5_pll, gowin_pll, ice40_pll


@pytest.mark.parametrize(
    ("wanted", "divr", "divf", "divq", "filter_range"),
    [
        # As icepll -i 12 -o .. prints them.
        (24, 0, 63, 5, 1),
        (48, 0, 63, 4, 1),
        (60, 0, 79, 4, 1),
    ],
)
def test_ice40_as_icepll_has_it(wanted, divr, divf, divq, filter_range):
    found = ice40_pll(12, wanted).parameters
    assert (found["DIVR"], found["DIVF"], found["DIVQ"]) == (divr, divf, divq)
    assert found["FILTER_RANGE"] == filter_range


@pytest.mark.parametrize("wanted", [20, 33.3, 60, 75, 100])
@pytest.mark.parametrize("source", [25, 48])
def test_ecp5_is_within_the_data_sheet(source, wanted):
    found = ecp5_pll(source, wanted)
    reference, feedback, divider = (found.parameters[name] for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV"))
    assert found.frequency == pytest.approx(source / reference * feedback)
    assert 0.9 * wanted <= found.frequency <= wanted
    assert 400 <= found.frequency * divider <= 800
    assert source / reference >= 3.125


def test_ecp5_as_ecppll_has_it():
    """As ``ecppll -i 25 -o 60`` prints it."""
    found = ecp5_pll(25, 60)
    assert (found.frequency, found.oscillator) == (60, 600)
    assert [found.parameters[name] for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV")] == [5, 12, 10]


def test_gowin_as_gowin_pll_has_it():
    """As Apicula's ``gowin_pll -i 27 -o 54`` prints it."""
    found = gowin_pll(27, 54)
    assert found.frequency == 54
    assert (found.parameters["IDIV_SEL"], found.parameters["FBDIV_SEL"]) == (0, 1)
    assert 400 <= 54 * found.parameters["ODIV_SEL"] <= 1200


@pytest.mark.parametrize(
    ("setting", "source", "wanted", "least", "most"),
    [
        # The data sheet allows 16 MHz, but 12 MHz make nothing between 15.9375 and 16.125 of it.
        (ice40_pll, 12, 16, "16.125", "270"),
        (ice40_pll, 12, 400, "16.125", "270"),
        (ecp5_pll, 25, 2, "3.125", "400"),
        (gowin_pll, 27, 1000, "3.375", "594"),
    ],
)
def test_a_clock_that_cannot_be_is_one_sentence(setting, source, wanted, least, most):
    sentence = (
        rf"^no setting of the board's PLL gives a clock of {wanted} MHz: those that it gives are from {least} to "
        rf"{most} MHz$"
    )
    with pytest.raises(BackspikeError, match=sentence):
        setting(source, wanted)
