"""Dividers of the PLLs, against settings that are published."""

from __future__ import annotations

import math
import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from backspike import BackspikeError
from backspike.fpga.families import ECP5, FAMILIES, GOWIN, ICE40
from backspike.fpga.families.family import Family
from backspike.fpga.tools import find_tool, run_tool

SEED = 20261

# Of each family: the open tools' calculator, its arguments, and how it prints each parameter and the clock that comes
# out.
_CALCULATORS: dict[str, tuple[str, str, dict[str, str], str]] = {
    "ice40": (
        "icepll",
        "-i {source} -o {wanted}",
        {
            "DIVR": r"DIVR: *(\d+)",
            "DIVF": r"DIVF: *(\d+)",
            "DIVQ": r"DIVQ: *(\d+)",
            "FILTER_RANGE": r"FILTER_RANGE: (\d+)",
        },
        r"F_PLLOUT: *([\d.]+) MHz \(achieved\)",
    ),
    "ecp5": (
        "ecppll",
        "-i {source} -o {wanted}",
        {
            "CLKI_DIV": r"Refclk divisor: (\d+)",
            "CLKFB_DIV": r"Feedback divisor: (\d+)",
            "CLKOP_DIV": r"clkout0 divisor: (\d+)",
        },
        r"clkout0 frequency: ([\d.]+) MHz",
    ),
    "gowin": (
        "gowin_pll",
        "-i {source} -o {wanted} -d GW1NR-9_C6/I5",
        {"IDIV_SEL": r"IDIV_SEL\((\d+)", "FBDIV_SEL": r"FBDIV_SEL\((\d+)", "ODIV_SEL": r"ODIV_SEL\((\d+)"},
        r"Achieved output frequency: *([\d.]+) MHz",
    ),
}


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
    found = ICE40.pll(12, wanted).parameters
    assert (found["DIVR"], found["DIVF"], found["DIVQ"]) == (divr, divf, divq)
    assert found["FILTER_RANGE"] == filter_range


@pytest.mark.parametrize("wanted", [20, 33.3, 60, 75, 100])
@pytest.mark.parametrize("source", [25, 48])
def test_ecp5_is_within_the_data_sheet(source, wanted):
    found = ECP5.pll(source, wanted)
    reference, feedback, divider = (found.parameters[name] for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV"))
    assert found.frequency == pytest.approx(source / reference * feedback)
    assert 0.9 * wanted <= found.frequency <= wanted
    assert 400 <= found.frequency * divider <= 800
    assert source / reference >= 3.125


def test_ecp5_as_ecppll_has_it():
    """As ``ecppll -i 25 -o 60`` prints it."""
    found = ECP5.pll(25, 60)
    assert (found.frequency, found.oscillator) == (60, 600)
    assert [found.parameters[name] for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV")] == [5, 12, 10]


@pytest.mark.parametrize(("wanted", "phase"), [(60, 77), (50, 90), (25, 140), (70, 60), (40, 5)])
def test_a_later_clock_is_as_ecppll_has_it(wanted, phase, tmp_path):
    """Of the same PLL; it has the next lower step."""
    pll = ECP5.pll(25, wanted)
    given = ["-i", "25", "-o", f"{pll.frequency:.4f}", "--clkout1", f"{pll.frequency:.4f}", "--phase1", str(phase)]
    run_tool([*find_tool("ecppll"), *given, "-f", "pll.v"], tmp_path, "ecppll")
    found = {name: int(number) for name, number in re.findall(r"\.(CLK\w+)\((\d+)\)", (tmp_path / "pll.v").read_text())}
    assert found["CLKOP_DIV"] == pll.parameters["CLKOP_DIV"]
    step = 1000 / pll.oscillator / 8
    there = 8 * (found["CLKOS_CPHASE"] - found["CLKOP_CPHASE"]) + found["CLKOS_FPHASE"]
    ours = ECP5.delayed(pll, there * step)
    parameters = ours.parameters
    assert parameters["CLKOS_CPHASE"] - parameters["CLKOP_CPHASE"] == found["CLKOS_CPHASE"] - found["CLKOP_CPHASE"]
    assert all(parameters[name] == found[name] for name in ("CLKOS_FPHASE", "CLKOS_DIV"))
    assert 0 <= phase / 360 * 1000 / pll.frequency - ours.delay < step


def test_a_second_pll_is_exact():
    """48 MHz, of which USB allows 0.25 %, from what the first output of the PLL is no multiple of."""
    found = ECP5.exact(25, 48).parameters
    reference, feedback, first, second = (found[name] for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV", "CLKOS_DIV"))
    oscillator = Fraction(25 * feedback * first, reference)
    assert oscillator / second == 48
    assert 400 <= oscillator <= 800
    assert Fraction(25, reference) >= 3.125
    assert 3.125 <= oscillator / first <= 400
    with pytest.raises(BackspikeError, match=r"^no setting of the board's PLL gives exactly 48\.1234 MHz$"):
        ECP5.exact(25, 48.1234)


@pytest.mark.parametrize("family", [ICE40, GOWIN])
def test_a_family_without_a_second_pll_is_one_sentence(family):
    with pytest.raises(BackspikeError, match=f"^devices of {family.name} have no second PLL that is known here, which"):
        family.exact(25, 48)


def test_gowin_as_gowin_pll_has_it():
    """As Apicula's ``gowin_pll -i 27 -o 54`` prints it."""
    found = GOWIN.pll(27, 54)
    assert found.frequency == 54
    assert (found.parameters["IDIV_SEL"], found.parameters["FBDIV_SEL"]) == (0, 1)
    assert 400 <= 54 * found.parameters["ODIV_SEL"] <= 1200


@pytest.mark.parametrize(
    ("family", "source", "wanted", "least", "most"),
    [
        # The data sheet allows 16 MHz, but 12 MHz make nothing between 15.9375 and 16.125 of it.
        (ICE40, 12, 16, "16.125", "270"),
        (ICE40, 12, 400, "16.125", "270"),
        (ECP5, 25, 2, "3.125", "400"),
        (GOWIN, 27, 1000, "3.375", "594"),
    ],
)
def test_a_clock_that_cannot_be_is_one_sentence(family, source, wanted, least, most):
    sentence = (
        rf"^no setting of the board's PLL gives a clock of {wanted} MHz: those that it gives are from {least} to "
        rf"{most} MHz$"
    )
    with pytest.raises(BackspikeError, match=sentence):
        family.pll(source, wanted)


def _calculate(family: Family, source: float, wanted: float, folder: Path) -> tuple[dict[str, int], float]:
    """Return the parameters and the clock that the family's calculator gives."""
    tool, arguments, parameters, achieved = _CALCULATORS[family.name]
    words = [word.replace("_", " ") for word in arguments.format(source=f"{source:g}", wanted=f"{wanted:.4f}").split()]
    printed = run_tool([*find_tool(tool), *words], folder, tool)

    def number(pattern: str) -> str:
        found = re.search(pattern, printed)
        assert found, printed
        return found[1]

    return {name: int(number(pattern)) for name, pattern in parameters.items()}, float(number(achieved))


@pytest.mark.parametrize(
    ("family", "source", "least", "most"), [(ICE40, 12, 17, 270), (ECP5, 25, 5, 380), (GOWIN, 27, 5, 430)]
)
def test_plls_over_their_whole_range_as_the_calculators_have_them(family, source, least, most, tmp_path):
    """What a calculator gives is among our settings, none of its clocks is better, and it knows ours."""
    generator = random.Random(SEED)
    known: dict[tuple[Any, ...], float] = {}
    names = list(_CALCULATORS[family.name][2])
    for pll in family.settings(source):
        known[tuple(pll.parameters[name] for name in names)] = pll.frequency
    for step in range(8):
        wanted = least * (most / least) ** ((step + generator.random()) / 8)
        parameters, frequency = _calculate(family, source, wanted, tmp_path)
        assert tuple(parameters.values()) in known, (wanted, parameters)
        assert math.isclose(known[tuple(parameters.values())], frequency, rel_tol=1e-4)
        ours = family.pll(source, wanted)
        assert ours.frequency <= wanted
        if frequency <= wanted:
            assert ours.frequency >= frequency * (1 - 1e-4), (wanted, parameters, ours)
        _, reached = _calculate(family, source, ours.frequency, tmp_path)
        assert math.isclose(reached, ours.frequency, rel_tol=1e-4), (wanted, ours)


def test_every_family_has_its_calculator():
    assert _CALCULATORS.keys() == FAMILIES.keys()
