"""All proofs, in the order in which they are shown."""

from __future__ import annotations

from . import (
    bus,
    cobs,
    joiner,
    lfsr,
    link,
    memory,
    network,
    neuron,
    receiver,
    registers,
    scanner,
    sdram,
    serialiser,
    strata,
    streams,
    synapses,
    uart,
    word_store,
    wta,
)

__all__ = ["PROOFS"]

_FILES = (
    lfsr,
    strata,
    neuron,
    wta,
    word_store,
    synapses,
    serialiser,
    joiner,
    scanner,
    registers,
    cobs,
    uart,
    receiver,
    sdram,
    streams,
    memory,
)

PROOFS = [proof for file in (*_FILES, bus, network, link) for proof in file.PROOFS]
