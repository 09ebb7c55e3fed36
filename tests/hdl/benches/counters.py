"""Bench of `backspike.hdl.counters.Counters`."""

from __future__ import annotations

from .bench import Bench


class CountersBench(Bench):
    """The job has ``kinds``, ``most``, the most events of a kind in a clock, and ``clocks``."""

    async def run(self) -> None:
        """Compare every count with all events up to two cycles before, and see that each is shown often enough."""
        kinds, most, unit = self.job["kinds"], self.job["most"], self.unit
        counted = [[0] * kinds] * 3
        waited = [0] * kinds
        clear, happening = 0, [0] * kinds
        for clock in range(self.job["clocks"]):
            unit.put(clear=clear, events=happening)
            await unit.edge
            count = unit.get("count")
            waited = [0 if clear else clocks + 1 for clocks in waited]
            if count["valid"]:
                kind, value = count["kind"], count["value"]
                # A clear shows in the counts after the one that is shown when it comes.
                expected = counted[-2][kind] % (1 << 32)
                assert value == expected, f"clock {clock}: kind {kind}: expected {expected}, got {value}"
                waited[kind] = 0
            assert max(waited) <= 2 * kinds + 1, f"clock {clock}: clocks since each kind was shown: {waited}"
            if clear:
                counted = [[0] * kinds] * 3
            else:
                total = [before + number for before, number in zip(counted[-1], happening, strict=True)]
                counted = [*counted[1:], total]
            clear = self.one_in(701)
            full = self.one_in(2)
            happening = [most if full else self.random.randint(0, most) for _ in range(kinds)]
