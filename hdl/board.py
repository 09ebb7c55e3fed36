"""A network with its host link and what carries its bytes: all of a board's design but clock and pins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.link import FRAME_BYTES

from .link.host_link import HostLink
from .link.transport import pins
from .memory.arbiter import MemoryArbiter
from .memory.player import SamplePlayer
from .memory.switch import NetworkSwitch
from .network import NetworkTop

__all__ = ["BoardTop"]


class BoardTop(wiring.Component):
    """A network that a host trains, as docs/host_link.md says.

    The transport's reset goes to link and network: what hangs in them, by whatever cause, a host can always end. A
    memory goes on.

    Parameters
    ----------
    config : NetworkConfig
    transport : wiring.Component
        What carries frames between host and link (`backspike.hdl.link.transport`), a `SerialTransport` for one.
    weights : sequence of int64 array, optional
        At power-up, as those of the `NetworkTop`.
    memory : wiring.Component, optional
        Memory for samples that the device plays itself (docs/sample_memory.md), such as a `BlockRam`: its member
        ``memory`` is a `memory_port`, the others are pins; and ``frame_bytes`` says how long a host's frames may be.

    Members
    -------
    rx, tx : ``In(1)``, ``Out(1)``
        The pins of the transport; these are those of a `SerialTransport`, others may be signatures, as a buffer's are.
        The memory's, if any, have their names too.
    busy : ``Out(1)``
        A request is being executed or answered.
    """

    def __init__(
        self,
        config: NetworkConfig,
        transport: wiring.Component,
        weights: Sequence[NDArray[np.int64]] | None = None,
        memory: wiring.Component | None = None,
    ) -> None:
        self._config, self._transport, self._weights, self._memory = config, transport, weights, memory
        self._memory_pins = {} if memory is None else dict(memory.signature.members)
        self._memory_pins.pop("memory", None)
        super().__init__({**pins(transport), **self._memory_pins, "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transport = transport = self._transport
        bits = None if self._memory is None else len(self._memory.memory.burst.p.address)
        frame_bytes = FRAME_BYTES if self._memory is None else self._memory.frame_bytes
        link, network = HostLink(self._config, bits, frame_bytes), NetworkTop(self._config, self._weights)
        m.submodules.link = ResetInserter(transport.reset)(link)
        m.submodules.network = ResetInserter(transport.reset | link.reset)(network)
        connect(m, transport.received, link.received)
        connect(m, link.answer, transport.answer)
        if bits is None:
            connect(m, link.samples, network.samples)
            connect(m, network.results, link.results)
            connect(m, link.requests, network.requests)
            connect(m, network.responses, link.responses)
        else:
            self._play(m, transport, link, network, bits)
        m.d.comb += self.busy.eq(link.busy)
        for name, pin in pins(transport).items():
            inside, outside = getattr(transport, name), getattr(self, name)
            if pin.is_signature:
                connect(m, inside, flipped(outside))
            else:
                m.d.comb += inside.eq(outside) if pin.flow == In else outside.eq(inside)
        return m

    def _play(self, m: Module, transport: Any, link: HostLink, network: NetworkTop, bits: int) -> None:
        """Add the memory, and what plays samples out of it."""
        m.submodules.memory = memory = self._memory
        m.submodules.arbiter = arbiter = MemoryArbiter(bits)
        player, switch = SamplePlayer(self._config, bits), NetworkSwitch(self._config)
        reset = transport.reset | link.reset
        m.submodules.player = ResetInserter(reset)(player)
        m.submodules.switch = ResetInserter(reset)(switch)
        connect(m, arbiter.memory, memory.memory)
        connect(m, player.memory, arbiter.player)
        connect(m, link.memory, arbiter.host)
        connect(m, link.runs, player.link)
        for name in ("samples", "results", "requests", "responses"):
            connect(m, getattr(link, name), getattr(switch.link, name))
            connect(m, getattr(player, name), getattr(switch.player, name))
            connect(m, getattr(switch.network, name), getattr(network, name))
        m.d.comb += [
            arbiter.reset_player.eq(reset),
            arbiter.reset_host.eq(transport.reset),
            link.memory_ready.eq(memory.memory.ready),
            switch.playing.eq(player.active),
            switch.mid_sample.eq(link.mid_sample),
            switch.unfetched.eq(link.unfetched),
            player.free.eq(switch.free),
        ]
        for name in self._memory_pins:
            connect(m, getattr(memory, name), flipped(getattr(self, name)))
