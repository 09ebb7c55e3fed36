"""Requests of random contents: the golden model of the link by hand, and a board beside it."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from copy import deepcopy
from random import Random

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.fpga.link.frames import Frame
from backspike.link import ANSWER, PARTS, WORDS, LinkEvent, MemoryRequest, Request, Status
from backspike.model import Network, Sample
from backspike.registers import RegisterMap
from backspike.sim.board import SimulatedBoard
from backspike.sim.link import LinkModel
from backspike.sim.requests import Conversation, random_request

from .boards import CONFIG

TINY = PRESETS["tiny"]
HELLO = Frame(7, Request.HELLO), Frame(7, Request.HELLO | ANSWER, bytes((0, 5, 64, 1)))
ADDRESS = {name: register.address for name, register in RegisterMap(TINY).registers.items()}
LAST = max(ADDRESS.values())


def part(flags: int, *entries: int) -> bytes:
    return struct.pack("<HH", flags, len(entries) // 2) + bytes(entries)


def greeted() -> LinkModel:
    model = LinkModel(TINY)
    assert model.take(*HELLO) is LinkEvent.TAKEN
    return model


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (0, b"", Status.UNKNOWN_KIND),
        (7, b"", Status.UNKNOWN_KIND),
        (Request.HELLO, b"x", Status.WRONG_BODY),
        (Request.READ, bytes((LAST, WORDS)), Status.DONE),
        (Request.READ, bytes((LAST + 1, 1)), Status.WRONG_BODY),
        (Request.READ, bytes((0, 0)), Status.WRONG_BODY),
        (Request.READ, bytes((0, WORDS + 1)), Status.WRONG_BODY),
        (Request.READ, bytes((0, 1, 1)), Status.WRONG_BODY),
        (Request.CHECKSUM, bytes((LAST, 0, 0)), Status.DONE),
        (Request.CHECKSUM, bytes((LAST + 1, 1, 0)), Status.WRONG_BODY),
        (Request.CHECKSUM, bytes((0, 1)), Status.WRONG_BODY),
        (Request.CHECKSUM, bytes((0, 1, 0, 0)), Status.WRONG_BODY),
        (Request.WRITE, bytes((LAST, *[9] * 4 * WORDS)), Status.DONE),
        (Request.WRITE, bytes((0, *[9] * 4 * (WORDS + 1))), Status.WRONG_BODY),
        (Request.WRITE, bytes(4), Status.WRONG_BODY),
        (Request.WRITE, bytes(1), Status.WRONG_BODY),
        (Request.SAMPLES, b"", Status.DONE),
        (Request.SAMPLES, part(0) * PARTS, Status.DONE),
        (Request.SAMPLES, part(0) * (PARTS + 1), Status.WRONG_BODY),
        (Request.SAMPLES, part(2, 1, 9, 1, 9), Status.DONE),
        (Request.SAMPLES, part(2, 1, 9)[:-1], Status.WRONG_BODY),
        (Request.SAMPLES, part(2, 1, 9) + b"x", Status.WRONG_BODY),
        (Request.SAMPLES, part(3, 1, 9) + part(1), Status.WRONG_LABEL),
        (Request.SAMPLES, part(3, 1, 9) + b"xyz", Status.WRONG_BODY),
    ],
)
def test_the_model_refuses_what_the_protocol_refuses(kind: int, body: bytes, status: Status) -> None:
    assert greeted().status_of(Frame(8, kind, body)) is status


def test_the_model_takes_a_frame_once_and_keeps_its_answer() -> None:
    read = Frame(8, Request.READ, bytes((ADDRESS["WEIGHT_LANE"], 1)))
    answer = Frame(8, Request.READ | ANSWER, bytes(5))
    model = LinkModel(TINY)
    assert model.take(read, None) is LinkEvent.ORDER
    model.take(*HELLO)
    assert model.take(read, answer) is LinkEvent.TAKEN
    assert model.take(Frame(8, 99), answer) is LinkEvent.REPEATED
    assert model.take(Frame(10, Request.READ), None) is LinkEvent.ORDER
    for wrong in (None, Frame(8, Request.READ | ANSWER, bytes(9))):
        with pytest.raises(BackspikeError, match=r"^the request READ 8 with the body \w+ is "):
            model.take(read, wrong)


def test_the_model_sums_up_what_reads_would_give() -> None:
    """And moves the window on as they do; another sum is refused, unless one of the values is not certain."""
    model = greeted()
    for sequence, (name, values) in enumerate(
        [("WEIGHT_LAYER", [1]), ("WEIGHT_DATA", [3, -1]), ("WEIGHT_ROW", [0]), ("WEIGHT_LANE", [0])], start=8
    ):
        body = bytes((ADDRESS[name],)) + struct.pack(f"<{len(values)}i", *values)
        model.take(Frame(sequence, Request.WRITE, body), Frame(sequence, Request.WRITE | ANSWER, b"\0"))
    read = Frame(12, Request.CHECKSUM, bytes((ADDRESS["WEIGHT_DATA"], 3, 0)))
    wrong = Frame(12, Request.CHECKSUM | ANSWER, bytes(5))
    sentence = (
        rf"the checksum of 3 reads of WEIGHT_DATA is 0x00000000, not {zlib.crc32(struct.pack('<3i', 3, -1, 0)):#010x}$"
    )
    with pytest.raises(BackspikeError, match=sentence):
        deepcopy(model).take(read, wrong)
    model.take(
        read,
        Frame(12, Request.CHECKSUM | ANSWER, b"\0" + zlib.crc32(struct.pack("<3i", 3, -1, 0)).to_bytes(4, "little")),
    )
    lane = Frame(13, Request.CHECKSUM, bytes((ADDRESS["WEIGHT_LANE"], 1, 0)))
    with pytest.raises(BackspikeError, match=r"is answered with 3 bytes$"):
        deepcopy(model).take(lane, Frame(13, Request.CHECKSUM | ANSWER, bytes(4)))
    moved = 3 % TINY.weight_layers[0].lanes
    model.take(
        lane, Frame(13, Request.CHECKSUM | ANSWER, b"\0" + zlib.crc32(struct.pack("<I", moved)).to_bytes(4, "little"))
    )
    # A sample that may still be learned when a HELLO comes leaves weights that nobody knows.
    model.resting = False
    model.take(Frame(13, Request.HELLO), Frame(13, Request.HELLO | ANSWER, bytes((0, 5, 64, 1))))
    model.take(
        Frame(14, Request.WRITE, bytes((ADDRESS["WEIGHT_LAYER"], 1, 0, 0, 0))), Frame(14, Request.WRITE | ANSWER, b"\0")
    )
    unsure = Frame(15, Request.CHECKSUM, read.body)
    assert model.take(unsure, Frame(15, Request.CHECKSUM | ANSWER, bytes(5))) is LinkEvent.TAKEN


def test_samples_come_in_parts_and_odd_entries_are_dropped() -> None:
    """A part that goes on counts on from its last index; an index beyond the inputs stays beyond them."""
    shown: list[Sample] = []

    def show(network: Network, sample: Sample) -> np.ndarray:
        shown.append(sample)
        return np.array([2, 5, 0])

    model = LinkModel(TINY, show)
    model.take(*HELLO)
    body = part(0x4001, 2, 50, 0, 60, 1, 0) + part(0x8002, 3, 70, 2, 80, 255, 90, 1, 90) + part(0)
    model.take(Frame(8, Request.SAMPLES, body), Frame(8, Request.SAMPLES | ANSWER, struct.pack("<BHH", 0, 1, 5)))
    assert [(sample.values.tolist(), sample.label, sample.learn) for sample in shown] == [
        ([0, 50, 0, 0, 0, 70, 0, 80], 2, True),
        ([0] * 8, 0, False),
    ]
    assert (model.outstanding, model.mid_sample) == (1, False)
    result = Frame(9, Request.RESULTS | ANSWER, struct.pack("<BHH", 0, 1, 4))
    with pytest.raises(BackspikeError, match=r"has winner and wins 1, 4, not \(1, 5\)$"):
        model.take(Frame(9, Request.RESULTS), result)


def test_requests_are_of_all_kinds_and_some_are_out_of_order() -> None:
    random, model = Random(20271), greeted()
    requests = [random_request(TINY, random, 7) for _ in range(3000)]
    assert {request.kind for request in requests} > set(Request)
    sequences = Counter(request.sequence for request in requests)
    assert {7, 8} < set(sequences)
    assert sequences[8] > 2000
    found = {(request.kind, model.status_of(request)) for request in requests}
    assert found > {
        *((kind, Status.DONE) for kind in Request),
        *((kind, Status.WRONG_BODY) for kind in Request),
        (Request.SAMPLES, Status.WRONG_LABEL),
    }
    assert Status.UNKNOWN_KIND in {status for _, status in found}


def test_a_board_answers_random_requests_as_the_model_does() -> None:
    with SimulatedBoard(CONFIG) as board:
        conversation = Conversation(board, CONFIG, Random(20272))
        kinds, events = conversation.run(400, interval=400)
        # A byte more than a frame has room for: it is as if it had never come, but counted.
        for size, event in ((1018, LinkEvent.TAKEN), (1019, LinkEvent.LONG)):
            following = (conversation.model.sequence + 1) % 256
            assert conversation.tell(Frame(following, Request.SAMPLES, bytes(size))) is event
        conversation.compare()
    asked = set(kinds) - {kind.name for kind in MemoryRequest}
    assert asked == {*(kind.name for kind in Request), "unknown kind", "order", "repeated"}
    assert set(events) == {LinkEvent.TAKEN, LinkEvent.REPEATED, LinkEvent.ORDER}
    assert conversation.model.shown > 50


def test_a_board_with_a_sample_memory_answers_as_the_model_does() -> None:
    with SimulatedBoard(TINY, memory_bits=13) as board:
        conversation = Conversation(board, TINY, Random(20274), memory_bits=13)
        conversation.tell(HELLO[0])
        conversation.fill_memory()
        kinds, _ = conversation.run(400, interval=400)
    assert set(kinds) > {kind.name for kind in MemoryRequest}
    assert conversation.model.shown > 50


def test_a_board_that_learns_otherwise_would_be_found() -> None:
    def show(network: Network, sample: Sample) -> np.ndarray:
        return network.run(Sample(sample.values, sample.label, not sample.learn)).wins

    with SimulatedBoard(CONFIG) as board, pytest.raises(BackspikeError, match=r"has winner and wins|the read of"):
        Conversation(board, CONFIG, Random(20273), show).run(400, interval=200)
