"""The netlist that synthesis makes of a network's Verilog, as Verilog that can be simulated in its place."""

from __future__ import annotations

from pathlib import Path

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.fpga import families
from backspike.fpga.families.family import CellModels
from backspike.fpga.tools import run_yosys, tool_version, yosys_share

__all__ = ["FAMILIES", "cell_models", "gate_level", "models_of", "synthesise"]

_CELLS = Path(__file__).with_name("cells")


FAMILIES = {name: family.cell_models for name, family in families.FAMILIES.items() if family.cell_models}
"""Models of the cells of those families whose netlists can be simulated."""

# Yosys 0.70 ends with a failed assertion where ABC9 meets the cells in which `flatten` notes what was a module.
_SCRIPT = "read_verilog {top}.v; hierarchy -top {top}; flatten -noscopeinfo; {synthesis} -top {top}; "
_SCRIPT += "opt_clean -purge; write_verilog -noattr netlist.v"


def gate_level(verilog: str, top: str, family: str) -> str:
    """Return the netlist of a design and the models of its cells in one text: `synthesise` and `cell_models`."""
    return synthesise(verilog, top, family) + cell_models(family)


def synthesise(verilog: str, top: str, family: str) -> str:
    """Return the netlist of a design, cells of the family and nothing else, as Verilog; the ports are the design's.

    Netlists are kept in `backspike.cache`, by a hash of the Verilog and of all that they depend on.

    Parameters
    ----------
    verilog : str
        Verilog text, as `backspike.hdl.verilog.emit` gives it.
    top : str
        Its top module.
    family : str
        One of `FAMILIES`.

    Raises
    ------
    BackspikeError
        The family is unknown, Yosys is missing, or it does not take the Verilog.
    """
    script = _SCRIPT.format(top=top, synthesis=models_of(family).synthesis)

    def make(made: Path) -> None:
        source = made / f"{top}.v"
        source.write_text(verilog, encoding="utf-8")
        try:
            run_yosys(script, top, made)
        except BackspikeError as error:
            raise BackspikeError(f"{top} cannot be synthesised for {family}: {error}") from error
        source.unlink()

    parts = ["gates", tool_version("yosys"), script, verilog]
    folder = cached(parts, make, f"the netlist of {top} for {family}")
    return (folder / "netlist.v").read_text(encoding="utf-8")


def cell_models(family: str) -> str:
    """Return the models of a family's cells, one after the other: Yosys's own, and those of `sim/cells`."""
    chosen = models_of(family)
    paths = [*(yosys_share() / name for name in chosen.models), *(_CELLS / name for name in chosen.added)]
    # Pads and flip-flops under the vendor's names, of which netlists have none.
    return "`define NO_INCLUDES\n" + "\n".join(path.read_text(encoding="utf-8") for path in paths)


def models_of(name: str) -> CellModels:
    """Return what the netlists of a family are simulated with; `BackspikeError` if they are not."""
    if name not in FAMILIES:
        raise BackspikeError(f"gates must be one of {', '.join(FAMILIES)}, not {name!r}")
    return FAMILIES[name]
