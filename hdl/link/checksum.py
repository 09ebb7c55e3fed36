"""The frames' CRC, of which the link needs one: it never receives a frame while it writes an answer."""

from __future__ import annotations

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

__all__ = ["Checksum", "ChecksumPort"]


class ChecksumPort(wiring.Signature):
    """A user's side of a `Checksum`.

    ``start``
        Begin anew.
    ``valid``, ``byte``
        Sum up this byte.
    ``shift``
        Go on to the next byte of `crc`. Without `valid`; after it there is no sum before the next `start`.
    ``crc``
        The lowest byte of the CRC-32/ISO-HDLC of all bytes since `start`, those of this cycle apart; or the one that
        `shift` has gone on to.
    ``match``
        The last four of them are the CRC, little-endian, of those before.
    """

    def __init__(self) -> None:
        super().__init__(
            {"start": Out(1), "valid": Out(1), "byte": Out(8), "shift": Out(1), "crc": In(8), "match": In(1)}
        )


class Checksum(wiring.Component):
    """Sums up bytes for two users, one at a time.

    Latency: one cycle. Throughput: a byte per cycle.

    Members
    -------
    receiver, writer : ``In(ChecksumPort())``
        The users; neither sums up anything between the other's `start` and its last look at `crc` or `match`.
    """

    def __init__(self) -> None:
        super().__init__({"receiver": In(ChecksumPort()), "writer": In(ChecksumPort())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = catalog.CRC32_ISO_HDLC(data_width=8).create()
        receiver, writer = self.receiver, self.writer
        start = receiver.start | writer.start
        shift = receiver.shift | writer.shift
        # A byte that is the register's own lowest leaves nothing to divide: the register moves on by a byte.
        m.d.comb += [
            crc.start.eq(start),
            crc.valid.eq(receiver.valid | writer.valid | (shift & ~start)),
            crc.data.eq(Mux(shift, ~crc.crc[:8], Mux(writer.valid, writer.byte, receiver.byte))),
        ]
        for user in (receiver, writer):
            m.d.comb += [user.crc.eq(crc.crc[:8]), user.match.eq(crc.match_detected)]
        return m
