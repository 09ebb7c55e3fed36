"""COBS in hardware, in both directions."""

from __future__ import annotations

from backspike.hdl.link.cobs import CobsDecoder, CobsEncoder
from tests.hdl.benches.cobs import CobsBench
from tests.hdl.benches.simulation import simulate

SEED = 20264


def variants():
    return {
        "decoder": (CobsDecoder(), {"unit": "decoder", "most": 1024}),
        "encoder_512": (CobsEncoder(512), {"unit": "encoder", "most": 511}),
        "encoder_9": (CobsEncoder(9), {"unit": "encoder", "most": 8}),
    }


def test_frames_are_encoded_and_decoded() -> None:
    simulate(CobsBench, variants(), SEED)
