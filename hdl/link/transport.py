"""What lies between the host link and a transport: tokens of the frames that come in, and the answer that goes out.

A transport is a component with the members ``received``, ``Out(stream.Signature(token_layout(), always_ready=True))``,
``answer``, ``In(AnswerPort())``, and ``reset``, ``Out(1)``: the host wants link and network reset, which it asks for by
something that is no frame, since it may be that none is understood any more. It is a register's output, since it goes
to all of the network. A transport's other members are its pins, and its attribute ``RESOURCE`` is what platforms call
them: the resource has a subsignal for each pin, of the same name. A pin of both directions is a member with the
signature of its buffer. ``CLOCKS`` names the domains that it has besides `sync`, and their clocks in MHz: the platform
makes them, and resets each of them when `sync` is reset.
"""

from __future__ import annotations

from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ANSWER_BYTES", "AnswerPort", "Token", "pins", "token_layout"]

_INSIDE = ("received", "answer", "reset")

ANSWER_BYTES = 512
"""Bytes that an answer's memory has: as many as a block RAM of the smallest devices."""


class Token(enum.Enum, shape=2):
    """What a transport can say of the frames that it receives."""

    BYTE = 0
    """The frame's next byte."""
    FRAMING = 1
    """Something of a frame has come, but none of its bytes, like a code of COBS."""
    END = 2
    """The frame is whole; at least one token of it has come before."""
    BROKEN = 3
    """The frame ends as well, but its framing is damaged."""


def token_layout() -> data.StructLayout:
    """Return the layout of what a transport receives: a token's ``kind``, and the ``byte`` of a `Token.BYTE`."""
    return data.StructLayout({"kind": Token, "byte": 8})


class AnswerPort(wiring.Signature):
    """An answer, as the link offers it to a transport: in a memory, since a framing may have to read it twice.

    Parameters
    ----------
    most : int
        Bytes that the memory has.

    ``start``
        Send the answer, from the next cycle on.
    ``length``
        Bytes of the answer, 1 to `most`; held until `done`.
    ``address``, ``data``
        From the transport: which byte it wants; the byte at the last cycle's `address`.
    ``done``
        From the transport: the answer has been read to its end, in the cycle of this strobe.
    """

    def __init__(self, most: int = ANSWER_BYTES) -> None:
        super().__init__(
            {
                "start": Out(1),
                "length": Out(range(most + 1)),
                "address": In(range(most)),
                "data": Out(8),
                "done": In(1),
            }
        )


def pins(transport: wiring.Component) -> dict[str, wiring.Member]:
    """Return the members of a transport that are pins, by name."""
    return {name: member for name, member in transport.signature.members.items() if name not in _INSIDE}
