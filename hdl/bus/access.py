"""Accesses on their way from a bus to registers, and the answers on their way back, whichever bus it is."""

from __future__ import annotations

from amaranth.lib import data, enum

from backspike.registers import Register

__all__ = ["ADDRESS_BITS", "Answer", "access_layout", "answer_layout", "fields_layout"]

ADDRESS_BITS = 12
"""Bits of an address, which counts bytes: 4 KiB, the least that a bus maps."""


class Answer(enum.Enum, shape=2):
    """What came of an access, in the codes of AXI."""

    OKAY = 0
    SLVERR = 2
    """Refused, and without effect: not a whole aligned word, or nothing that can be done now."""
    DECERR = 3
    """There is no such register."""


def access_layout() -> data.StructLayout:
    """Return the layout of an access.

    ``address`` of a byte; ``write``; ``data`` to write, and in ``strobe`` which bytes of it.
    """
    return data.StructLayout({"address": ADDRESS_BITS, "write": 1, "data": 32, "strobe": 4})


def answer_layout() -> data.StructLayout:
    """Return the layout of an answer: the ``data`` that were read, and its ``status``, an `Answer`."""
    return data.StructLayout({"data": 32, "status": Answer})


def fields_layout(register: Register) -> data.FlexibleLayout:
    """Return the layout of a register's value: its fields, by their names in lower case."""
    fields: dict[int | str, data.Field] = {
        field.name.lower(): data.Field(field.width, field.offset) for field in register.fields
    }
    return data.FlexibleLayout(32, fields)
