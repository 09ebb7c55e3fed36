"""Mutants that do what the right source does, and why: where no tool shows it quickly."""

from __future__ import annotations

__all__ = ["ARGUMENTS"]

_LIMIT = "limit = 3 * access_clocks(config) + 40 * (len(steps) + config.layers[-1]) -> limit = "

_WRITTEN = "for path, content in zip(paths, (verilog, json.dumps(description, {}), strict=True)"

ARGUMENTS: dict[str, dict[str, str]] = {
    "board.py": {
        "m.submodules.network = ResetInserter(transport.reset | link.reset)(network) -> "
        "m.submodules.network = ResetInserter(link.reset)(network)": (
            "after a break the link takes nothing before a HELLO, with which it resets the network"
        ),
    },
    "comparison.py": {
        "if bound <= 0 -> if bound < 0": "with no bit of the bound set, nothing is added to a value that is not below",
    },
    "entries.py": {
        "m.submodules.joiner = joiner = VisitJoiner(self._inputs, 1, 1, banks, waits=self._gathers) -> "
        "m.submodules.joiner = joiner = VisitJoiner(self._inputs, 2, 1, banks, waits=self._gathers)": (
            "a bit that nobody reads"
        ),
        "m.submodules[f'serialiser_{bank}'] = serialiser = Serialiser(slots, item, 0) -> "
        "m.submodules[f'serialiser_{bank}'] = serialiser = Serialiser(slots, item, 1)": "a bit that nobody reads",
    },
    "input_lfsrs.py": {
        "m.If(draws.used.any() & ~draws.restart) -> m.If(draws.used.all() & ~draws.restart)": (
            "all draws of a word are used but in a list's last word, with which the LFSRs restart"
        ),
        "phases.w_enable[lane].eq(draws.used[lane] & strata.taking) -> phases.w_enable[lane].eq(strata.taking)": (
            "a phase that is looked at is written with the draw that is used, last; others no list of the sample has"
        ),
    },
    "link/checksum.py": {
        "shift = receiver.shift | writer.shift -> shift = writer.shift": "the receiver never has it shift",
    },
    "link/checker.py": {
        "parts.eq(parts + 1) -> parts.eq(parts - 1)": "in seven bits 64 steps down from 0 end at 64, too",
    },
    "crossbar.py": {
        "m.If(updating) -> m.If(updating == 0)": (
            "weights and errors are the same in the cycle before a sweep, whose products stay for the cycle after it"
        ),
    },
    "joiner.py": {
        "if self._fold > 1 -> if self._fold >= 1": "of one word, every row's is the least",
        "if self._fold > 1 -> if self._fold > 0": "of one word, every row's is the least",
        "for other in words[1:] -> for other in words[0:]": "no word is less than itself",
        "def __init__(self, inputs: int, fold: int, lanes: int, banks: int, waits: bool=False) -> None -> "
        "def __init__(self, inputs: int, fold: int, lanes: int, banks: int, waits: bool=True) -> None": (
            "nobody drives it where it is not asked for"
        ),
    },
    "layer.py": {
        "next_mark.gate.eq(neuron.gate | ~moving) -> next_mark.gate.eq(neuron.gate)": (
            "errors come to a unit after its row is listed, and until it moves nobody looks at its gate again"
        ),
    },
    "link/event_counters.py": {
        "kind.eq(Mux(kind == self._kinds - 1, 0, kind + 1)) -> kind.eq(Mux(kind == self._kinds + 1, 0, kind + 1))": (
            "the search goes on through places that have no events"
        ),
    },
    "link/lists.py": {
        "reached.eq(Mux(outside, inputs + 1, stepped)) -> reached.eq(Mux(outside, inputs + 0, stepped))": (
            "from the last input, too, any step leads outside"
        ),
        "m.d.sync += step.eq(0) -> nothing": "the index of an entry without a value",
        "m.If(self.i.valid & self.i.ready) -> m.If(self.i.valid)": "in this state it is always ready",
    },
    "link/usb_device.py": {
        "expected.eq(0) -> expected.eq(1)": "what comes next is the second packet after its token, and not expected",
    },
    "link/usb_transport.py": {
        "_CROSSING = 9 -> _CROSSING = 10": "a longer queue holds more that is on its way, in the same order",
        "answers.w_data.eq(0) -> nothing": "0 is what it is where nothing else is said",
        "m.submodules.answers = answers = AsyncFIFOBuffered(width=8, depth=_CROSSING, w_domain='sync', r_domain='usb') "
        "-> m.submodules.answers = answers = AsyncFIFOBuffered(width=9, depth=_CROSSING, w_domain='sync', "
        "r_domain='usb')": "a bit that nobody reads",
    },
    "link/usb_phy.py": {
        "before = Signal(2, init=1) -> before = Signal(2, init=0)": (
            "only when a line at rest is looked at first is another cycle"
        ),
        "heard.eq(Mux(drive, 1, line)) -> heard.eq(Mux(drive, 2, line))": (
            "a line that is K all the time is no packet either, and after it nobody sends for two bits"
        ),
    },
    "link/transport.py": {
        "class Token(enum.Enum, shape=2) -> class Token(enum.Enum, shape=3)": (
            "no answer is longer than 511 bytes, and more bits are no fault"
        ),
        "super().__init__({'start': Out(1), 'length': Out(range(most + 1)), 'address': In(range(most)), "
        "'data': Out(8), 'done': In(1)}) -> super().__init__({'start': Out(1), 'length': Out(range(most + "
        "0)), 'address': In(range(most)), 'data': Out(8), 'done': In(1)})": (
            "no answer is longer than 511 bytes, and more bits are no fault"
        ),
        "ANSWER_BYTES = 512 -> ANSWER_BYTES = 513": "no answer is longer than 511 bytes, and more bits are no fault",
        "super().__init__({'start': Out(1), 'length': Out(range(most + 1)), 'address': In(range(most)), "
        "'data': Out(8), 'done': In(1)}) -> super().__init__({'start': Out(1), 'length': Out(range(most)), "
        "'address': In(range(most)), 'data': Out(8), 'done': In(1)})": (
            "no answer is longer than 511 bytes, and more bits are no fault"
        ),
        "super().__init__({'start': Out(1), 'length': Out(range(most + 1)), 'address': In(range(most)), "
        "'data': Out(8), 'done': In(1)}) -> super().__init__({'start': Out(1), 'length': Out(range(most - "
        "1)), 'address': In(range(most)), 'data': Out(8), 'done': In(1)})": (
            "no answer is longer than 511 bytes, and more bits are no fault"
        ),
        "ANSWER_BYTES = 512 -> ANSWER_BYTES = 511": "no answer is longer than 511 bytes, and more bits are no fault",
    },
    "link/body.py": {
        "super().__init__({'rewind': In(1), 'size': In(range(frame_bytes - OVERHEAD + 1)), 'o': "
        "Out(stream.Signature(8)), 'skip': In(16), 'beyond': Out(1), 'address': Out(range(frame_bytes)), "
        "'data': In(8)}) -> super().__init__({'rewind': In(1), 'size': In(range(frame_bytes + OVERHEAD + "
        "1)), 'o': Out(stream.Signature(8)), 'skip': In(16), 'beyond': Out(1), 'address': "
        "Out(range(frame_bytes)), 'data': In(8)})": ("a size that has more bits than the longest body needs"),
        "super().__init__({'rewind': In(1), 'size': In(range(frame_bytes - OVERHEAD + 1)), 'o': "
        "Out(stream.Signature(8)), 'skip': In(16), 'beyond': Out(1), 'address': Out(range(frame_bytes)), "
        "'data': In(8)}) -> super().__init__({'rewind': In(1), 'size': In(range(frame_bytes + 1)), 'o': "
        "Out(stream.Signature(8)), 'skip': In(16), 'beyond': Out(1), 'address': Out(range(frame_bytes)), "
        "'data': In(8)})": ("a size that has more bits than the longest body needs"),
    },
    "link/executor.py": {
        "m.d.comb += events.reading.eq(events.idle) -> nothing": (
            "the event counted last is that of the request itself, which is the first, and so the one that is read"
        ),
    },
    "link/memory_checker.py": {
        "super().__init__({'start': In(1), 'kind': In(8), 'size': In(range(frame_bytes - OVERHEAD + "
        "1)), 'body': In(stream.Signature(8)), 'mid_sample': In(1), 'ready': In(1), 'full': In(1), "
        "'done': Out(1), 'status': Out(Status)}) -> super().__init__({'start': In(1), 'kind': In(7), "
        "'size': In(range(frame_bytes - OVERHEAD + 1)), 'body': In(stream.Signature(8)), "
        "'mid_sample': In(1), 'ready': In(1), 'full': In(1), 'done': Out(1), 'status': Out(Status)})": (
            "the highest kind of a request of the sample memory is 11"
        ),
        "numbers = Signal(range(3)) -> numbers = Signal(range(2))": "once two have come it is not looked at",
    },
    "memory/sdram.py": {
        "wait(self.open_at_least + 1) -> wait(self.open_at_least + 2)": (
            "a row that was opened in vain is closed a cycle later; a refresh comes in time, with cycles to spare"
        ),
    },
    "memory/port.py": {
        "COUNT_BITS = 10 -> COUNT_BITS = 11": "a count that is wider than the longest burst needs",
    },
    "memory/runs.py": {
        "m.submodules.places = places = ram(8, RUNS << _PLACE_BITS, init=[0]) -> m.submodules.places = "
        "places = ram(9, RUNS << _PLACE_BITS, init=[0])": "a bit that nobody reads",
        "following.eq(place) -> nothing": "at rest the place is 0, as a signal is that nobody drives",
    },
    "memory/switch.py": {
        "outstanding = Signal(3) -> outstanding = Signal(2)": (
            "no more than three samples that have begun have no result, of which two bits tell none"
        ),
    },
    "network.py": {
        "source.ticked.eq(sequencer.advance & ~sequencer.last) -> source.ticked.eq(sequencer.advance)": (
            "when the last tick ends its list has ended before, and what is counted after it begins anew"
        ),
    },
    "registers.py": {
        "recent = RecentEvents(kinds, 4 * len(kinds) + 2) -> recent = RecentEvents(kinds, 5 * len(kinds) + 2)": (
            "counts that are wider than what can come between their turns"
        ),
    },
    "strata.py": {
        "self._rounds = -(-config.layers[0] // config.input_lfsrs) -> "
        "self._rounds = -(-config.layers[0] * config.input_lfsrs)": "a counter that is wider than the rounds need",
        "tick = Signal(range(min(self._ticks, most + 1))) -> tick = Signal(range(max(self._ticks, most + 1)))": (
            "a counter that is wider than the ticks need"
        ),
        "turn = Signal(range(min(self._rounds, most + 1))) -> turn = Signal(range(max(self._rounds, most + 1)))": (
            "a counter that is wider than the rounds need, of which eight bits count"
        ),
    },
    "scanner.py": {
        "row = Signal(range(fold * lanes + 1)) -> row = Signal(range(fold * lanes + 0))": (
            "what is after the last unit's row is not read: the next list begins at 0"
        ),
    },
    "sweep.py": {
        "events.visited.eq(Mux(taken, adder_tree(active) if layer.crossbar else sum(active), 0)) -> "
        "events.visited.eq(Mux(taken, sum(active) if layer.crossbar else adder_tree(active), 0))": "the same sum",
    },
    "timing.py": {
        "tick = sum((layer.fold * (layer.inputs + 8) + 2 * layer.units for layer in config.weight_layers)) -> "
        "tick = sum((layer.fold * (layer.inputs + 9) + 2 * layer.units for layer in config.weight_layers))": (
            "cycles that no sample comes near are so with another margin, too"
        ),
    },
    "wins.py": {
        "units, ticks = (config.layers[-1], range(config.ticks + 1)) -> "
        "units, ticks = (config.layers[-1], range(config.ticks + 2))": "a count that is wider than the ticks need",
    },
    "word_store.py": {
        "return range(max(count, 2)) -> return range(max(count, 3))": "an index that is wider than words need",
        "return vector.word_select(index, width) if len(vector) > width else vector -> "
        "return vector.word_select(index, width) if len(vector) >= width else vector": (
            "the index of an only word is 0"
        ),
        "def __init__(self, element: data.Layout | Shape | int, lanes: int, depth: int, fresh: bool=False) -> None -> "
        "def __init__(self, element: data.Layout | Shape | int, lanes: int, depth: int, fresh: bool=True) -> None": (
            "a store that is fresh gives what others promise, too"
        ),
    },
    "testbench.py": {
        **{
            "width = f\"[{layout['width'] - 1}:0] \" if layout['width'] > 1 else '' -> "
            f"width = f\"[{{layout['width'] - 1}}:0] \" if layout['width'] {wrong} else ''": (
                "a port of one bit is declared as [0:0]"
            )
            for wrong in ("> 0", ">= 1")
        },
        "for written in (3, initial['RATE_1']) -> for written in (2, initial['RATE_1'])": (
            "another number that is not there before"
        ),
        **{
            _LIMIT + wrong: "time that is left for what never comes: what is right ends before"
            for wrong in (
                "3 * access_clocks(config) + 40 * (len(steps) + config.layers[1])",
                "3 * access_clocks(config) + 40 * (len(steps) + config.layers[-0])",
                "3 * access_clocks(config) + 41 * (len(steps) + config.layers[-1])",
                "3 * access_clocks(config) + (40 + (len(steps) + config.layers[-1]))",
                "3 * access_clocks(config) + 40 * (len(steps) - config.layers[-1])",
                "3 * access_clocks(config) + 40 * len(steps)",
                "3 * access_clocks(config) + 40",
                "3 * access_clocks(config)",
                "2 * access_clocks(config) + 40 * (len(steps) + config.layers[-1])",
                "access_clocks(config) + 40 * (len(steps) + config.layers[-1])",
            )
        },
        "sample = Sample(np.zeros(config.sample_shape, dtype=np.uint8), 0, False) -> "
        "sample = Sample(np.zeros(config.sample_shape, dtype=np.uint8), 1, False)": (
            "a label has no effect on what is not learned"
        ),
    },
    "verilog.py": {
        **{
            _WRITTEN.format("indent=2).encode() + b'\\n'") + " -> " + _WRITTEN.format(wrong): "the same JSON"
            for wrong in ("indent=3).encode() + b'\\n'", "indent=1).encode() + b'\\n'", "indent=2).encode()")
        },
        "if len(run) == 1 -> if len(run) == 0": "a part in braces, with its range, is the same in Verilog",
    },
    "wta.py": {
        "lower_bits = entry.width - upper_bits -> lower_bits = entry.width": (
            "the highest bits are stored as well, and those that are worked out are beyond the entry's width"
        ),
        "GROUP = 10 -> GROUP = 11": "the same winner by comparisons in groups of another size",
        "GROUP = 10 -> GROUP = 9": "the same winner by comparisons in groups of another size",
        "base = Signal(range(fold * lanes + 1)) -> base = Signal(range(fold * lanes + 0))": (
            "what the last word adds is not looked at: the next race begins at 0"
        ),
        "upper = bits % 4 -> upper = bits % 3": "bits that follow from the place in the table are the same as stored",
    },
}
"""For each file, from the change to the reason."""
