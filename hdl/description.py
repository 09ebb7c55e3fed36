"""How a design is described to those who look at it from outside: layouts to the last bit, and where states are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from amaranth.hdl import Shape, ShapeCastable
from amaranth.lib import data

__all__ = ["Probe", "below", "describe_layout"]


def describe_layout(shape: Any) -> dict[str, Any]:
    """Describe a shape-like object down to its last bit.

    Returns
    -------
    dict
        ``width`` in bits, and whether it is ``signed``. That of a structure also has ``fields``: from each field's name
        to its description, with its ``offset``, the number of its lowest bit. That of an array has ``elements``: the
        description of one, with their ``count``; element n begins at bit n times the element's width.
    """
    bits = Shape.cast(shape)
    description: dict[str, Any] = {"width": bits.width, "signed": bits.signed}
    while isinstance(shape, ShapeCastable) and not isinstance(shape, data.Layout):
        shape = shape.as_shape()
    if isinstance(shape, data.ArrayLayout):
        description["elements"] = {"count": shape.length, **describe_layout(shape.elem_shape)}
    elif isinstance(shape, data.Layout):
        description["fields"] = {
            str(name): {"offset": field.offset, **describe_layout(field.shape)} for name, field in shape
        }
    return description


@dataclass(frozen=True)
class Probe:
    """Where a design keeps what can be looked at.

    Parameters
    ----------
    path : str
        Hierarchical path below the component, instances and signal with dots between.
    shape : shape-like
        Of the signal, or of a word of the memory.
    words : int, optional
        Words of a memory; None for a signal.
    field : str, optional
        The stored field that it holds. A structure, or an array of them, holds those that its own fields are named
        for, and needs none.
    """

    path: str
    shape: Any
    words: int | None = None
    field: str | None = None

    @property
    def stored(self) -> list[str]:
        """The stored fields that it holds; none of no bits."""
        if self.field:
            return [self.field]
        element = self.shape.elem_shape if isinstance(self.shape, data.ArrayLayout) else self.shape
        return [str(name) for name, field in element if field.width] if isinstance(element, data.Layout) else []

    def to_dict(self, layer: int) -> dict[str, Any]:
        """Describe it as a probe of a layer: ``path``, ``memory``, ``words``, ``layout``, and the ``states`` it holds.

        These have the names of `model.state.state_entries`.
        """
        return {
            "path": self.path,
            "memory": self.words is not None,
            "words": self.words or 1,
            "layout": describe_layout(self.shape),
            "states": [f"{name}_{layer}" for name in self.stored],
        }


def below(instance: str, probes: Mapping[str, Probe]) -> dict[str, Probe]:
    """Return the probes of a submodule as its parent sees them."""
    return {name: replace(probe, path=f"{instance}.{probe.path}") for name, probe in probes.items()}
