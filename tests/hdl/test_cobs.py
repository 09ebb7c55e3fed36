"""COBS in hardware, in both directions."""

from __future__ import annotations

from backspike.hdl.link.cobs import CobsDecoder, CobsEncoder

from .variants import ON_BOTH, check

SEED = 20264


@ON_BOTH
def test_frames_are_encoded_and_decoded(simulator: str) -> None:
    variants = {
        "decoder": (CobsDecoder(), {"unit": "decoder", "most": 1024}),
        "encoder_512": (CobsEncoder(512), {"unit": "encoder", "most": 511}),
        "encoder_9": (CobsEncoder(9), {"unit": "encoder", "most": 8}),
    }
    check("cobs", variants, simulator, SEED)
