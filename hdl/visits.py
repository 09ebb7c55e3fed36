"""Visits: which rows of a synapse array are worked on, one of each bank at a time."""

from __future__ import annotations

from amaranth.lib import data

from .word_store import index_shape

__all__ = ["bank_rows", "mark_layout", "visit_layout"]


def bank_rows(inputs: int, banks: int) -> int:
    """Return the rows of a bank of a synapse array with `inputs` rows and a bias row: row j is row j // banks there."""
    return -(-(inputs + 1) // banks)


def mark_layout(inputs: int, fold: int, lanes: int, banks: int) -> data.StructLayout:
    """Return the layout of what is to be done with a row of a bank; see `visit_layout`."""
    return data.StructLayout(
        {
            "row": range(max(2, bank_rows(inputs, banks))),
            "spike": 1,
            "gate": 1,
            "permit": 1,
            "word": index_shape(fold),
            "lane": index_shape(lanes),
            "last": 1,
        }
    )


def visit_layout(inputs: int, fold: int, lanes: int, banks: int) -> data.StructLayout:
    """Return the layout of a visit to one row, or none, of each bank of a synapse array.

    The array has `inputs` rows and a bias row; row j lies in bank j modulo `banks`. Fields: ``banks``, for each bank
    ``active``, whether a row of it is visited at all (all else is zero if not), ``row``, its number in the bank,
    ``spike``, whether it is summed, ``gate``, whether its unit takes an error, ``permit``, whether it may learn, and
    ``lane``; ``word``, which with a bank's lane
    is where the row's input unit is in the layer below (`fold` words of `lanes`); ``last``, set on the visit of the
    bias row, which ends the list.
    """
    mark = mark_layout(inputs, fold, lanes, banks)
    bank = {"active": 1, **{name: mark[name].shape for name in ("row", "spike", "gate", "permit", "lane")}}
    return data.StructLayout(
        {"banks": data.ArrayLayout(data.StructLayout(bank), banks), "word": mark["word"].shape, "last": 1}
    )
