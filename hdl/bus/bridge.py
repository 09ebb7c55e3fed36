"""From accesses of bytes, some of which are refused, to the registers of a network and of its bus."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.hdl.registers import request_layout
from backspike.registers import BUS_REGISTERS, BusControl, RegisterMap, bus_registers

from .access import Answer, access_layout, answer_layout, fields_layout

__all__ = ["RegisterBridge"]


class RegisterBridge(wiring.Component):
    """Answers each access with one answer: by itself, or with what the network answers.

    An access is refused, and has no effect, if its address is not that of a word (SLVERR) or of a register (DECERR),
    and if it writes a part of a word (SLVERR); one that writes no byte at all is done. Of recorded spikes, which are
    shown while they come in, accesses for which the network waits (see `RegisterFile`) are refused from the beginning
    of a sample until it is whole (SLVERR), since nobody knows when that is; while one is under way, no sample begins.

    Latency: an access that is not for the network is answered in the cycle after it came. The network gets others in
    that cycle, of recorded spikes one later; they are answered in the cycle after its response.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    accesses : ``In(stream.Signature(access_layout()))``
    answers : ``Out(stream.Signature(answer_layout()))``
    requests, responses : ``Out(stream.Signature(request_layout(config)))``, ``In(stream.Signature(32))``
        To and from the network.
    status : ``In(fields_layout(BUS_STATUS))``
        What register BUS_STATUS reads as.
    begun : ``In(1)``
        A sample has begun to come in, and is not whole. Stays as it is while `hold` is set, but may end.
    hold : ``Out(1)``
        No sample may begin to come in.
    reset : ``Out(1)``
        Strobe: reset the network.

    Raises
    ------
    BackspikeError
        The network has more registers than there is room for.
    """

    def __init__(self, config: NetworkConfig) -> None:
        registers = RegisterMap(config).registers
        if len(registers) > BUS_REGISTERS:
            raise BackspikeError(
                f"a bus has room for {BUS_REGISTERS} registers, and {config.depth} weight layers have {len(registers)}"
            )
        self._config = config
        super().__init__(
            {
                "accesses": In(stream.Signature(access_layout())),
                "answers": Out(stream.Signature(answer_layout())),
                "requests": Out(stream.Signature(request_layout(config))),
                "responses": In(stream.Signature(32)),
                "status": In(fields_layout(bus_registers(streams=False)["BUS_STATUS"])),
                "begun": In(1),
                "hold": Out(1),
                "reset": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        own, registers = bus_registers(streams=False), RegisterMap(self._config)
        access, request = self.accesses.p, self.requests.p
        register = access.address[2:]
        waits = Signal()
        m.d.comb += [
            waits.eq(access.write | (register == registers["WEIGHT_DATA"].address)),
            request.address.eq(register),
            request.write.eq(access.write),
            request.data.eq(access.data),
        ]
        m.d.sync += self.reset.eq(0)
        recorded = self._config.input == "spikes"

        def answer(status: Answer, value: object = 0) -> None:
            m.d.comb += self.accesses.ready.eq(1)
            m.d.sync += [self.answers.p.status.eq(status), self.answers.p.data.eq(value)]
            m.next = "Answer"

        with m.FSM() as fsm:
            with m.State("Decode"), m.If(self.accesses.valid):
                with m.If(access.address[:2] != 0):
                    answer(Answer.SLVERR)
                with m.Elif((register >= len(registers.registers)) & ~register.matches(*_addresses(own))):
                    answer(Answer.DECERR)
                with m.Elif(access.write & (access.strobe == 0)):
                    answer(Answer.OKAY)
                with m.Elif(access.write & ~access.strobe.all()):
                    answer(Answer.SLVERR)
                with m.Elif(register == own["BUS_STATUS"].address):
                    with m.If(access.write):
                        answer(Answer.OKAY)
                    with m.Else():
                        answer(Answer.OKAY, self.status)
                with m.Elif(register == own["BUS_CONTROL"].address):
                    answer(Answer.OKAY)
                    m.d.sync += self.reset.eq(access.write & access.data[BusControl.RESET])
                with m.Else():
                    m.next = "Hold" if recorded else "Request"
            if recorded:
                with m.State("Hold"):
                    m.next = "Request"
                    with m.If(waits & self.begun):
                        answer(Answer.SLVERR)
            with m.State("Request"):
                m.d.comb += self.requests.valid.eq(1)
                with m.If(self.requests.ready):
                    m.next = "Response"
            with m.State("Response"):
                m.d.comb += self.responses.ready.eq(1)
                with m.If(self.responses.valid):
                    answer(Answer.OKAY, self.responses.payload)
            with m.State("Answer"):
                m.d.comb += self.answers.valid.eq(1)
                with m.If(self.answers.ready):
                    m.next = "Decode"
        if recorded:
            # The access is shown until the network has answered.
            m.d.comb += self.hold.eq(waits & ~fsm.ongoing("Decode") & ~fsm.ongoing("Answer"))
        return m


def _addresses(registers: dict) -> list[int]:
    return [register.address for register in registers.values()]
