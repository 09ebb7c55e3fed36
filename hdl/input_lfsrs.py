"""The LFSRs of the input, which take turns where there are more of them than lanes."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import PIXEL_BITS, RATE_BITS, NetworkConfig

from .description import Probe
from .seeding import INPUT_GROUP, seed_layout
from .spikes import SpikeGenerator
from .strata import DrawStrata
from .word_store import WordStore, index_shape

__all__ = ["DrawPort", "InputLfsrs"]


class DrawPort(wiring.Signature):
    """What lists ask of the input's LFSRs, as seen by the lists.

    ``ready``: a word of LFSRs can draw; ``values``: what to draw for, 0..255 per lane; ``spikes`` and ``permits``:
    what they draw, in the same cycle; ``used``: which draws count, and move their LFSRs; ``restart``: the first
    LFSRs come next. With stratified draws also ``fresh``: the list to come is the first one of a sample.
    """

    def __init__(self, config: NetworkConfig) -> None:
        lanes = config.input_width
        super().__init__(
            {
                "restart": Out(1),
                **({"fresh": Out(1)} if config.input_draws == "stratified" else {}),
                "used": Out(lanes),
                "values": Out(data.ArrayLayout(PIXEL_BITS, lanes)),
                "ready": In(1),
                "spikes": In(lanes),
                "permits": In(lanes),
            }
        )


class InputLfsrs(wiring.Component):
    """The input's LFSRs: their states, in words of the input lanes, and a spike generator per lane.

    With stratified draws also their phases, in such words too: the spike draws of the present sample follow from them.

    Latency: none, a draw is there in the cycle in which it is used. Throughput: a word of draws per cycle; where the
    LFSRs of a word come again at once, one every other cycle.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    draws : ``In(DrawPort(config))``
    rate : ``In(9)``
        Learning rate of layer 1, in 1/256.
    seeds : ``In(seed_layout(config))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__({"draws": In(DrawPort(config)), "rate": In(RATE_BITS), "seeds": In(seed_layout(config))})

    @staticmethod
    def _stored(config: NetworkConfig) -> tuple[data.StructLayout, int, int]:
        """Return element, lanes and depth of the store of the LFSRs' states."""
        return data.StructLayout({"random": config.lfsr_bits}), config.input_width, config.input_turns

    @staticmethod
    def probes(config: NetworkConfig) -> dict[str, Probe]:
        """Return where the states of the LFSRs are."""
        return {"states": WordStore.probe("states", *InputLfsrs._stored(config))}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, draws = self._config, self.draws
        turns = config.input_turns
        m.submodules.states = states = WordStore(*self._stored(config))
        seeding = self.seeds.valid & (self.seeds.group == INPUT_GROUP)
        turn = Signal(index_shape(turns))
        following = Signal(index_shape(turns))
        stale = Signal()
        m.d.comb += [
            following.eq(Mux(draws.restart, 0, turn)),
            draws.ready.eq(~stale),
            states.r_address.eq(following),
            states.w_address.eq(Mux(seeding, self.seeds.word, turn)),
        ]
        with m.If(draws.used.any() & ~draws.restart):
            m.d.comb += following.eq(Mux(turn == turns - 1, 0, turn + 1))
        m.d.sync += turn.eq(following)
        stratified = config.input_draws == "stratified"
        if stratified:
            m.submodules.phases = phases = WordStore(PIXEL_BITS, config.input_width, turns)
            m.submodules.strata = strata = DrawStrata(config)
            m.d.comb += [
                strata.fresh.eq(draws.fresh),
                strata.restart.eq(draws.restart),
                strata.turned.eq(draws.used.any() & (turn == turns - 1)),
                phases.r_address.eq(following),
                phases.w_address.eq(turn),
            ]
        if turns > 1:
            # What is written in a cycle cannot be read in it.
            m.d.sync += stale.eq(draws.used.any() & (following == turn))
        for lane in range(config.input_width):
            m.submodules[f"generator_{lane}"] = generator = SpikeGenerator(config.lfsr_bits, stratified)
            m.d.comb += [
                generator.rate.eq(self.rate),
                generator.state.eq(states.r_data[lane].random),
                generator.value.eq(draws.values[lane]),
                draws.spikes[lane].eq(generator.spike),
                draws.permits[lane].eq(generator.permit),
                states.w_data[lane].random.eq(Mux(seeding, self.seeds.state, generator.following)),
                states.w_enable[lane].eq(draws.used[lane] | (seeding & (self.seeds.lane == lane))),
            ]
            if stratified:
                m.d.comb += [
                    generator.taking.eq(strata.taking),
                    generator.phase.eq(phases.r_data[lane]),
                    generator.offset.eq(strata.offset),
                    phases.w_data[lane].eq(generator.draw),
                    phases.w_enable[lane].eq(draws.used[lane] & strata.taking),
                ]
        return m
