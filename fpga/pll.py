"""Phase-locked loops: dividers for a wanted clock, and the instance that has them, for each family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backspike.errors import BackspikeError

__all__ = ["Pll", "ecp5_pll", "gowin_pll", "ice40_pll"]


@dataclass(frozen=True)
class Pll:
    """Setting of a phase-locked loop.

    Attributes
    ----------
    frequency : float
        Clock that comes out, in MHz; never above what was wanted.
    oscillator : float
        Clock of the oscillator inside, in MHz.
    parameters : dict
        Parameters of the family's primitive.
    """

    frequency: float
    oscillator: float
    parameters: dict[str, int | str]


def ice40_pll(source: float, wanted: float) -> Pll:
    """Set an iCE40's PLL, simple feedback: ``source * (DIVF + 1) / ((DIVR + 1) * 2**DIVQ)``.

    Limits as Lattice's data sheet has them: 10 to 133 MHz at the phase detector, 533 to 1,066 MHz in the oscillator, 16
    to 275 MHz out of it.

    Parameters
    ----------
    source, wanted : float
        Clocks in and out, in MHz.

    Raises
    ------
    BackspikeError
        No setting gives a clock within a tenth below `wanted`.
    """
    filters = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5))

    def settings() -> Iterator[Pll]:
        for reference in range(16):
            detector = source / (reference + 1)
            if not 10 <= detector <= 133:
                continue
            filter_range = next((number for limit, number in filters if detector < limit), 6)
            for feedback in range(128):
                for shift in range(1, 7):
                    oscillator = detector * (feedback + 1)
                    frequency = oscillator / 2**shift
                    if 533 <= oscillator <= 1066 and 16 <= frequency <= 275:
                        parameters: dict[str, int | str] = {
                            "FEEDBACK_PATH": "SIMPLE",
                            "DIVR": reference,
                            "DIVF": feedback,
                            "DIVQ": shift,
                            "FILTER_RANGE": filter_range,
                        }
                        yield Pll(frequency, oscillator, parameters)

    return _fastest(settings(), wanted, 800)


def ecp5_pll(source: float, wanted: float) -> Pll:
    """Set an ECP5's EHXPLLL, fed back from its first output: ``source * CLKFB_DIV / CLKI_DIV``.

    Limits as Lattice's data sheet has them: 3.125 to 400 MHz at the phase detector and out of it, 400 to 800 MHz in the
    oscillator.

    Parameters, errors: as `ice40_pll`.
    """

    def settings() -> Iterator[Pll]:
        for reference in range(1, 129):
            if not 3.125 <= source / reference <= 400:
                continue
            for feedback in range(1, 81):
                frequency = source * feedback / reference
                for divider in range(1, 129):
                    if 400 <= frequency * divider <= 800 and 3.125 <= frequency <= 400:
                        parameters: dict[str, int | str] = {
                            "CLKI_DIV": reference,
                            "CLKFB_DIV": feedback,
                            "CLKOP_DIV": divider,
                            "CLKOP_CPHASE": divider // 2,
                            "CLKOP_ENABLE": "ENABLED",
                            "FEEDBK_PATH": "CLKOP",
                        }
                        yield Pll(frequency, frequency * divider, parameters)

    return _fastest(settings(), wanted, 600)


def gowin_pll(source: float, wanted: float) -> Pll:
    """Set a GW1NR-9's rPLL: ``source * (FBDIV_SEL + 1) / (IDIV_SEL + 1)``.

    Limits as Gowin's data sheet has them for C6/I5: 3 to 400 MHz at the phase detector, 400 to 1,200 in the oscillator.

    Parameters, errors: as `ice40_pll`.
    """

    def settings() -> Iterator[Pll]:
        for reference in range(64):
            if not 3 <= source / (reference + 1) <= 400:
                continue
            for feedback in range(64):
                frequency = source * (feedback + 1) / (reference + 1)
                for divider in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                    if 400 <= frequency * divider <= 1200:
                        parameters: dict[str, int | str] = {
                            "FCLKIN": f"{source:g}",
                            "IDIV_SEL": reference,
                            "FBDIV_SEL": feedback,
                            "ODIV_SEL": divider,
                        }
                        yield Pll(frequency, frequency * divider, parameters)

    return _fastest(settings(), wanted, 800)


def _fastest(settings: Iterator[Pll], wanted: float, middle: float) -> Pll:
    """Return the fastest that is not above `wanted`; of equals the one with its oscillator nearest to `middle`."""
    known = list(settings)
    possible = (pll for pll in known if pll.frequency <= wanted)
    best = max(possible, key=lambda pll: (pll.frequency, -abs(pll.oscillator - middle)), default=None)
    if best is None or best.frequency < 0.9 * wanted:
        least, most = (limit(pll.frequency for pll in known) for limit in (min, max))
        raise BackspikeError(
            f"no setting of the board's PLL gives a clock of {wanted:g} MHz: those that it gives are from {least:g} "
            f"to {most:g} MHz"
        )
    return best
