"""What every transport has to be, whatever carries its bytes."""

from __future__ import annotations

import pytest
from amaranth.lib import wiring

from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.link.usb_transport import UsbTransport
from tests.hdl.netlist import check_netlist


@pytest.mark.parametrize("transport", [SerialTransport(4), UsbTransport()], ids=["serial", "usb"])
def test_the_reset_is_a_register(transport: wiring.Component) -> None:
    """It goes to all of the network: logic before it would be on the way to each of a device's flip-flops."""
    check_netlist(transport, ["select -assert-count 1 w:reset %ci1 t:$*dff* %i", "select -assert-count 2 w:reset %ci1"])
