"""What leads where in a component's netlist, by Yosys's selections."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.lib import wiring

from backspike.hdl.verilog import find_ports

__all__ = ["check_netlist"]


def check_netlist(component: wiring.Component, assertions: Sequence[str]) -> None:
    """Run `assertions`, commands of Yosys such as ``select -assert-none …``, on the flat netlist of a component.

    Raises what Yosys says of the first one that does not hold.
    """
    text = rtlil.convert(component, name="top", ports=find_ports(component))
    lines = [f"read_rtlil <<rtlil\n{text}\nrtlil", "hierarchy -top top", "proc", "flatten", "opt_clean", *assertions]
    find_yosys(lambda version: True).run(["-q", "-"], "\n".join(lines))
