"""Ports with the names that each bus is known by: what a Verilog file shows to those who connect it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, shown
from backspike.registers import Register, bus_registers

from .axi import AxiNetwork
from .wishbone import WishboneNetwork

__all__ = ["WRAPPERS", "BusTop", "Wrapper"]


def _axi_name(path: Sequence[str | int]) -> str:
    """Return the name of a stream's part: ``s_axi_awaddr``, ``m_axis_results_tdata``."""
    *interface, part, field = map(str, path)
    if not interface:
        return f"{part}_t{field}"
    return f"{interface[0]}_{part}{field}"


def _wishbone_name(path: Sequence[str | int], flow: wiring.Flow) -> str:
    """Return the name that the Wishbone specification gives a slave's signal: ``wb_dat_i``."""
    bus, signal = map(str, path)
    return f"{bus}_{signal.removesuffix('_w').removesuffix('_r')}_{'i' if flow == In else 'o'}"


@dataclass(frozen=True)
class Wrapper:
    """A bus that a network can be generated for.

    Attributes
    ----------
    component : type
        The network on it.
    clock, reset : str
        Names of the ports.
    reset_level : int
        Level of the reset port while it resets.
    streams : bool
        Whether samples and results go through registers.
    """

    component: Any
    clock: str
    reset: str
    reset_level: int
    streams: bool

    @property
    def registers(self) -> dict[str, Register]:
        """The registers that the bus adds, by name."""
        return bus_registers(self.streams)


WRAPPERS: Mapping[str, Wrapper] = {
    "axi": Wrapper(AxiNetwork, "aclk", "aresetn", 0, streams=False),
    "wishbone": Wrapper(WishboneNetwork, "wb_clk_i", "wb_rst_i", 1, streams=True),
}


class BusTop(wiring.Component):
    """A network on a bus, with a port for each signal of the bus, by its usual name, and a clock of its own.

    Parameters
    ----------
    kind : str
        One of `WRAPPERS`.
    config : NetworkConfig
    weights : sequence of int64 array, optional
        Those at power-up, see `NetworkTop`.

    Members
    -------
    aclk, aresetn : ``In(1)``, ``In(1)``
        AXI: clock, and reset while 0.
    s_axi_awaddr, s_axi_awprot, s_axi_awvalid, s_axi_awready : ``In(12)``, ``In(3)``, ``In(1)``, ``Out(1)``
    s_axi_wdata, s_axi_wstrb, s_axi_wvalid, s_axi_wready : ``In(32)``, ``In(4)``, ``In(1)``, ``Out(1)``
    s_axi_bresp, s_axi_bvalid, s_axi_bready : ``Out(2)``, ``Out(1)``, ``In(1)``
    s_axi_araddr, s_axi_arprot, s_axi_arvalid, s_axi_arready : ``In(12)``, ``In(3)``, ``In(1)``, ``Out(1)``
    s_axi_rdata, s_axi_rresp, s_axi_rvalid, s_axi_rready : ``Out(32)``, ``Out(2)``, ``Out(1)``, ``In(1)``
        See `AxiLite`.
    s_axis_samples_tdata, s_axis_samples_tlast : ``In(fields of SAMPLE)``, ``In(1)``
    s_axis_samples_tvalid, s_axis_samples_tready : ``In(1)``, ``Out(1)``
    m_axis_results_tdata, m_axis_results_tlast : ``Out(fields of RESULT)``, ``Out(1)``
    m_axis_results_tvalid, m_axis_results_tready : ``Out(1)``, ``In(1)``
        See `sample_beat` and `result_beat`.
    wb_clk_i, wb_rst_i : ``In(1)``, ``In(1)``
        Wishbone: clock, and reset while 1.
    wb_cyc_i, wb_stb_i, wb_we_i, wb_adr_i, wb_sel_i, wb_dat_i : ``In``
    wb_dat_o, wb_ack_o, wb_err_o, wb_stall_o : ``Out``
        See `Wishbone`.

    Raises
    ------
    BackspikeError
        A bus that is not known, or that has no room for the registers.
    """

    def __init__(self, kind: str, config: NetworkConfig, weights: Sequence[NDArray[np.int64]] | None = None) -> None:
        if kind not in WRAPPERS:
            raise BackspikeError(f"wrapper must be one of {', '.join(WRAPPERS)}, not {shown(kind)}")
        self.wrapper = WRAPPERS[kind]
        self._bus = self.wrapper.component(config, weights)
        self._inside = dict(_parts(self._bus))
        ports = {name: member for name, (member, _) in self._inside.items()}
        super().__init__({self.wrapper.clock: In(1), self.wrapper.reset: In(1), **ports})

    @property
    def registers(self) -> dict[str, Register]:
        """The registers, those that the bus adds included, by name."""
        return {**self._bus.core.network.registers.registers, **self.wrapper.registers}

    @property
    def probes(self) -> dict[str, dict[str, Any]]:
        """Where the states of the network are: see `NetworkTop.probes`."""
        probes: dict[str, dict[str, Any]] = self._bus.core.network.probes
        return {name: {**probe, "path": f"bus.core.network.{probe['path']}"} for name, probe in probes.items()}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(local=True)
        m.submodules.bus = self._bus
        reset = getattr(self, self.wrapper.reset)
        m.d.comb += [
            ClockSignal().eq(getattr(self, self.wrapper.clock)),
            ResetSignal().eq(reset == self.wrapper.reset_level),
        ]
        for name, (member, inside) in self._inside.items():
            outside = getattr(self, name)
            m.d.comb += inside.eq(outside) if member.flow == In else outside.eq(inside)
        return m


def _parts(component: wiring.Component) -> Iterator[tuple[str, tuple[wiring.Member, Any]]]:
    """Give the ports of a bus: name, member, and what it is inside. A stream has one for each field of its payload."""
    for path, member, value in component.signature.flatten(component):
        if isinstance(component, WishboneNetwork):
            yield _wishbone_name(path, member.flow), (member, value)
        elif path[-1] == "payload":
            for field, part in member.shape:
                flow = In if member.flow == In else Out
                yield _axi_name([*path[:-1], str(field)]), (flow(part.shape), value[field])
        else:
            yield _axi_name(path), (member, value)
