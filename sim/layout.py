"""Bits and what they mean, by the layouts of a design's description alone (`backspike.hdl.description`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout"]

Bits = NDArray[np.uint8]


class Layout:
    """How a number, a structure or an array lies in bits, described to the last of them.

    A value is a number, a dictionary of the values of all fields, or a sequence of the values of all elements.

    Parameters
    ----------
    description : mapping
        As `backspike.hdl.description.describe_layout` gives it.

    Attributes
    ----------
    width : int
        Bits in all.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.width: int = description["width"]
        self._signed: bool = description["signed"]
        self._fields = {name: (field["offset"], Layout(field)) for name, field in description.get("fields", {}).items()}
        elements = description.get("elements")
        self._count: int = elements["count"] if elements else 0
        self._element = Layout(elements) if elements else None

    def __getitem__(self, name: str) -> Layout:
        """Return the layout of a field; of an array, that of its elements' field."""
        return self._element[name] if self._element else self._fields[name][1]

    # -- one value, as a Python integer -----------------------------------------------------------------------

    def pack(self, value: Any, name: str = "payload") -> int:
        """Return the bits of a value; one that does not fit is a ValueError."""
        if self._element:
            if not isinstance(value, Sequence) or len(value) != self._count:
                raise ValueError(f"{name} must be a sequence of {self._count} values, not {value!r}")
            parts = [self._element.pack(part, f"{name}[{index}]") for index, part in enumerate(value)]
            return sum(part << index * self._element.width for index, part in enumerate(parts))
        if self._fields:
            if not isinstance(value, Mapping) or value.keys() != self._fields.keys():
                raise ValueError(f"a {name} must give the fields {', '.join(self._fields)}, not {value!r}")
            return sum(field.pack(value[key], key) << offset for key, (offset, field) in self._fields.items())
        count = 1 << self.width
        low = -(count >> 1) if self._signed else 0
        if not low <= value < low + count:
            raise ValueError(f"{name} must be from {low} to {low + count - 1}, not {value}")
        return int(value) % count

    def unpack(self, bits: int) -> Any:
        """Return the value that some bits mean."""
        if self._element:
            return [self._element.unpack(bits >> index * self._element.width) for index in range(self._count)]
        if self._fields:
            return {name: field.unpack(bits >> offset) for name, (offset, field) in self._fields.items()}
        count = 1 << self.width
        value = bits % count
        return value - count if self._signed and 2 * value >= count else value

    # -- many values, as arrays -------------------------------------------------------------------------------

    def read(self, bits: Bits) -> Any:
        """Return the values that many words mean.

        Parameters
        ----------
        bits : uint8 array, shape (..., width)
            The bits of each word, least significant first.

        Returns
        -------
        uint64 or int64 array, shape (...); of an array (..., count); of a structure a dictionary of them
        """
        if self._element:
            return self._element.read(self._elements(bits))
        if self._fields:
            return {
                name: field.read(bits[..., offset : offset + field.width])
                for name, (offset, field) in self._fields.items()
            }
        padded = np.zeros((*bits.shape[:-1], 64), dtype=np.uint8)
        padded[..., : self.width] = bits
        if self._signed and self.width:
            padded[..., self.width :] = bits[..., -1:]
        values = np.packbits(padded, axis=-1, bitorder="little").view("<u8")[..., 0]
        return values.astype(np.int64) if self._signed else values.astype(np.uint64)

    def write(self, bits: Bits, values: Any) -> None:
        """Put values, shaped as `read` returns them, into the bits of many words; fields that are left out stay."""
        if self._element:
            self._element.write(self._elements(bits), values)
        elif self._fields:
            for name in values:
                offset, field = self._fields[name]
                field.write(bits[..., offset : offset + field.width], values[name])
        else:
            raw = np.ascontiguousarray(np.asarray(values).astype(np.int64 if self._signed else np.uint64))
            raw = np.broadcast_to(raw, bits.shape[:-1])
            octets = np.ascontiguousarray(raw[..., np.newaxis]).view(np.uint8)
            bits[...] = np.unpackbits(octets, axis=-1, bitorder="little", count=self.width)

    def _elements(self, bits: Bits) -> Bits:
        """Return the bits of an array's elements, shape (..., count, width of one): the same memory."""
        assert self._element
        used = bits[..., : self._count * self._element.width]
        return used.reshape(*bits.shape[:-1], self._count, self._element.width)
