"""What has been counted lately: any events in any clock, taken at any time, and a clear in any clock."""

from __future__ import annotations

from backspike.config import NetworkConfig
from backspike.hdl.counters import EventKind, RecentEvents, event_kinds

from .benches.counters import RecentEventsBench
from .benches.simulation import simulate

SEED = 20267


def variants():
    variants = {}
    for kinds, period in (
        (((1, 1),), 1),
        (((1, 1), (4, 3)), 9),
        (((1, 1), (2, 2), (4, 1), (4, 7)), 18),
        (((1, 1),) * 9 + ((4, 64),) * 4, 54),
    ):
        named = {f"kind_{number}": EventKind(*kind) for number, kind in enumerate(kinds)}
        job = {"kinds": [list(kind) for kind in kinds], "period": period, "clocks": 4000}
        variants[f"kinds_{len(kinds)}"] = (RecentEvents(named, period), job)
    return variants


def test_every_event_is_counted() -> None:
    simulate(RecentEventsBench, variants(), SEED)


def test_events_come_as_often_as_their_kind_says() -> None:
    assert [EventKind().within(cycles) for cycles in (1, 2, 9)] == [1, 2, 9]
    assert [EventKind(3, 4).within(cycles) for cycles in (1, 4, 5, 9)] == [3, 3, 6, 9]
    rows = event_kinds(NetworkConfig(layers=(9, 8, 7), lanes=(2, 3), banks=(4, 2)))
    for name in ("ROWS", "WRITES"):
        assert (rows[f"{name}_1"], rows[f"{name}_2"]) == (EventKind(4, 4), EventKind(2, 3))
    crossbar = event_kinds(NetworkConfig(layers=(9, 7), synapses="crossbar"))
    assert crossbar["ROWS_1"].spacing == crossbar["WRITES_1"].spacing == 2
    assert rows["TICKS"] == EventKind(1, 1)
