"""What a memory of 16-bit words offers, whatever it is made of."""

from __future__ import annotations

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["COUNT_BITS", "WORD_BITS", "burst_layout", "memory_port"]

WORD_BITS = 16
"""Bits of a word."""

COUNT_BITS = 10
"""Bits of the number of words of a burst, which is 1 to 1,023."""


def burst_layout(address_bits: int) -> data.StructLayout:
    """Return the layout of a burst.

    ``write``, whether words go into the memory; ``address``, of the first word; ``count``, of words, at least 1, all of
    them within the memory.
    """
    return data.StructLayout({"write": 1, "address": address_bits, "count": COUNT_BITS})


def memory_port(address_bits: int) -> wiring.Signature:
    """Return the signature of a memory of 2 ** `address_bits` words, as its user sees it.

    Bursts take effect one after the other: a word that is read is the one that was written last.

    Members
    -------
    ready : ``In(1)``
        The memory has been made ready after reset. It stays so; a burst is taken no earlier.
    burst : ``Out(stream.Signature(burst_layout(address_bits)))``
    written : ``Out(stream.Signature(16))``
        Words of the bursts that write, in their order.
    read : ``In(stream.Signature(16))``
        Words of the bursts that read, in their order. They may wait for as long as they like.
    """
    return wiring.Signature(
        {
            "ready": In(1),
            "burst": Out(stream.Signature(burst_layout(address_bits))),
            "written": Out(stream.Signature(WORD_BITS)),
            "read": In(stream.Signature(WORD_BITS)),
        }
    )
