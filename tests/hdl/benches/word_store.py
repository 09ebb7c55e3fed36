"""Bench of `backspike.hdl.word_store.WordStore`."""

from __future__ import annotations

from .bench import Bench, pack_flags

CLOCKS = 400
RESET_CLOCKS = 80


class WordStoreBench(Bench):
    """The job has ``bits``, ``lanes``, ``depth`` and ``fresh``."""

    async def run(self) -> None:
        """Compare every word read, resets in between included."""
        unit, bits, lanes, depth = self.unit, self.job["bits"], self.job["lanes"], self.job["depth"]
        words = [[self.random.getrandbits(bits) for _ in range(lanes)] for _ in range(depth)]
        for address, word in enumerate(words):
            unit.put(w_address=address, w_data=word, w_enable=pack_flags([1] * lanes))
            await unit.edge
        unit.put(w_enable=0)
        expected: list[int] | None = None
        for clock in range(CLOCKS):
            reset = clock % RESET_CLOCKS == RESET_CLOCKS // 2
            address = self.random.randrange(depth)
            # A read that meets a write in a reset, too.
            to = address if reset else self.random.randrange(depth)
            data = [self.random.getrandbits(bits) for _ in range(lanes)]
            enable = [int(reset) or self.random.getrandbits(1) for _ in range(lanes)]
            unit.put(r_address=address, w_address=to, w_data=data, w_enable=pack_flags(enable))
            # All variants share the reset; contents stay over it.
            unit.set_reset(int(reset))
            await unit.edge
            if depth == 1:
                expected = words[0]
            if expected is not None:
                got = unit.get("r_data")
                assert got == expected, f"clock {clock}: expected {expected}, got {got}"
            # What a read gets of a word that is being written in the same cycle is promised by a fresh store alone.
            before = list(words[address])
            words[to] = [new if on else old for new, on, old in zip(data, enable, words[to], strict=True)]
            meeting = address == to and any(enable)
            expected = before if not meeting else list(words[address]) if self.job["fresh"] else None
