"""Memories in the form that simulators, synthesis tools and devices agree on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amaranth import Shape
from amaranth.lib import data, memory

__all__ = ["CLEARED", "UNDEFINED", "ram"]

UNDEFINED = "undefined_at_power_up"
"""Attribute of a memory whose words are undefined until they are written; see `verilog.free_memories`."""

CLEARED = "cleared_in_simulation"
"""Attribute of such a memory whose words are zero in a simulation."""


def ram(
    shape: data.Layout | Shape | int,
    depth: int,
    *,
    init: Iterable[Any] | None = None,
    cleared: bool = False,
) -> memory.Memory:
    """Return a memory that asks of a device's RAM no more than the devices have in common.

    A word that is read in the cycle in which it is written is undefined; so are, without `init`, all words until they
    are written. The Verilog says X where a simulation looks at such a word, and has neither logic nor a list of
    initial values for synthesis: the attributes tell Yosys, Quartus, Synplify and GowinSynthesis not to add the former.

    Parameters
    ----------
    shape : shape-like
        Shape of a word.
    depth : int
        Words.
    init : iterable, optional
        Words at power-up, as their shape takes them; zeros after them. Devices with RAM that cannot hold them (iCE40's
        SPRAM) use another one.
    cleared : bool
        Without `init`, a simulation begins with zeros all the same: words are read before they are written, and what
        they hold does not matter, but X would spread.

    Returns
    -------
    memory.Memory
        To be given a write port and a read port.
    """
    attributes: dict[str, Any] = {"no_rw_check": 1, "ramstyle": "no_rw_check", "syn_ramstyle": "no_rw_check"}
    if init is None:
        attributes[UNDEFINED] = 1
    if cleared:
        attributes[CLEARED] = 1
    return memory.Memory(shape=shape, depth=depth, init=init or [], attrs=attributes)
