"""What every stream keeps to, and what several components are compared with."""

from __future__ import annotations

from typing import Any

from amaranth import Signal, Value

from .proof import Bench

__all__ = ["assume_held", "claim_held", "claim_order"]


def _held(bench: Bench, port: Any) -> Value:
    payload = Value.cast(port.payload)
    valid, ready = Value.cast(port.valid), Value.cast(port.ready)
    waits = bench.past(bench.named(valid & ~ready & bench.running))
    return ~waits | (valid & (payload == bench.past(payload)))


def claim_held(bench: Bench, port: Any) -> None:
    """Claim of an output stream that what is offered stays, unchanged, until it is taken."""
    bench.claim(_held(bench, port))


def assume_held(bench: Bench, port: Any) -> None:
    """Assume the same of an input stream."""
    bench.assume(_held(bench, port))


def claim_order(bench: Bench, source: Any, sink: Any, late: int | None = None) -> None:
    """Claim that what goes in comes out once, unchanged and in order: nothing is lost, made up, doubled or overtaken.

    It is claimed of the word with the number that the bench's free input `number` has, so of each. With `late`, it has
    come out so many clocks after it has gone in, counting those in which the sink was ready.
    """
    m = bench.m
    bench.constant(bench.number)
    ready = Value.cast(sink.ready)
    goes_in = bench.named(source.valid & source.ready & bench.running)
    comes_out = bench.named(sink.valid & ready & bench.running)
    count_in, count_out = (Signal(len(bench.number) + 1, name=name) for name in ("count_in", "count_out"))
    most = (1 << len(bench.number)) + 1
    with m.If(goes_in & (count_in != most)):
        m.d.sync += count_in.eq(count_in + 1)
    with m.If(comes_out & (count_out != most)):
        m.d.sync += count_out.eq(count_out + 1)
    kept = Signal(len(Value.cast(source.payload)), name="kept")
    mine = bench.named(goes_in & (count_in == bench.number))
    with m.If(mine):
        m.d.sync += kept.eq(Value.cast(source.payload))
    bench.claim(~comes_out | (count_out < count_in) | (count_in == most))
    bench.claim(~(comes_out & (count_out == bench.number)) | (Value.cast(sink.payload) == kept))
    if late is not None:
        waits = Signal(range(late + 2), name="waits")
        inside = (count_in > bench.number) & (count_out <= bench.number)
        with m.If(inside & ready & (waits <= late)):
            m.d.sync += waits.eq(waits + 1)
        bench.claim(waits <= late)
