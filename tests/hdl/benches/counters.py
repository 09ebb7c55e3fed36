"""Bench of `backspike.hdl.counters.RecentEvents`."""

from __future__ import annotations

from .bench import Bench


class RecentEventsBench(Bench):
    """The job has ``kinds``, of each the most events in a clock and the spacing, ``period`` and ``clocks``."""

    async def run(self) -> None:
        """Take the kinds in turn, as late as may be or earlier, and compare what has happened since."""
        kinds, unit = self.job["kinds"], self.unit
        names = [f"kind_{number}" for number in range(len(kinds))]
        happened = [0] * len(kinds)
        since = [0] * len(kinds)
        passed = [spacing for _, spacing in kinds]
        for clock in range(self.job["clocks"]):
            clear = int(self.one_in(701))
            # One that has to be taken now, so that all those that have waited longer can be in the next clocks.
            due = max(range(len(kinds)), key=lambda kind: since[kind])
            take = int(since[due] + len(kinds) >= self.job["period"] or self.one_in(9))
            events = [0] * len(kinds)
            full = not self.one_in(3)
            for kind, (most, spacing) in enumerate(kinds):
                passed[kind] += 1
                if passed[kind] >= spacing:
                    events[kind] = most if full else self.random.randint(0, most)
                    passed[kind] = 0 if events[kind] else passed[kind]
            unit.put(clear=clear, kind=due, take=take, events=dict(zip(names, events, strict=True)))
            await unit.edge
            got = unit.get("amount")
            assert got == happened[due], f"clock {clock}: kind {due}: expected {happened[due]}, got {got}"
            for kind, number in enumerate(events):
                taken = take and kind == due
                happened[kind] = 0 if clear else number + (0 if taken else happened[kind])
                since[kind] = 0 if clear or taken else since[kind] + 1
