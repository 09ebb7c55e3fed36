"""A network as a Wishbone slave of a LiteX system, at 0x9000_0000.

    backspike generate --config tiny --wrapper wishbone --out build/litex
    python examples/litex_soc.py build/litex/tiny_wishbone.v

That writes the system's Verilog beside the network's: a master of Wishbone (here ports, in a system of one's own a
processor), LiteX's interconnect, and the network. Needs LiteX and Migen.
"""

from __future__ import annotations

import sys
from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.integration.soc import SoCBusHandler, SoCIORegion, SoCRegion
from litex.soc.interconnect import wishbone
from migen import ClockSignal, Instance, Record, ResetSignal
from migen.fhdl.verilog import convert

BASE, SIZE = 0x9000_0000, 0x1000


class Network(LiteXModule):
    """A network that `backspike generate --wrapper wishbone` has written.

    In a system: ``soc.bus.add_slave("network", network.bus, SoCRegion(origin=BASE, size=SIZE, cached=False))``, and
    ``platform.add_source`` with the Verilog.
    """

    def __init__(self, name: str) -> None:
        # Addresses of bytes, as the network has them; LiteX makes them of its own, which are of words.
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="byte")
        self.specials += Instance(
            name,
            i_wb_clk_i=ClockSignal(),
            i_wb_rst_i=ResetSignal(),
            i_wb_cyc_i=bus.cyc,
            i_wb_stb_i=bus.stb,
            i_wb_we_i=bus.we,
            i_wb_adr_i=bus.adr[:12],
            i_wb_sel_i=bus.sel,
            i_wb_dat_i=bus.dat_w,
            o_wb_dat_o=bus.dat_r,
            o_wb_ack_o=bus.ack,
            o_wb_err_o=bus.err,
        )


class System(LiteXModule):
    """A master whose signals are ports, and the network behind LiteX's interconnect."""

    def __init__(self, name: str) -> None:
        self.network = Network(name)
        self.master = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.handler = SoCBusHandler(standard="wishbone", data_width=32, address_width=32)
        # As with VexRiscv, which caches nothing from here up.
        self.handler.add_region("io", SoCIORegion(origin=0x8000_0000, size=0x8000_0000))
        self.handler.add_master("host", self.master)
        self.handler.add_slave("network", self.network.bus, SoCRegion(origin=BASE, size=SIZE, cached=False))
        self.handler.finalize()
        self.ios: set[Record] = set(self.master.flatten())


def main(verilog: str) -> None:
    """Write ``<name>_system.v`` beside the network's Verilog."""
    path = Path(verilog)
    system = System(path.stem)
    out = path.with_name(f"{path.stem}_system.v")
    out.write_text(str(convert(system, system.ios, name=f"{path.stem}_system")))
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
