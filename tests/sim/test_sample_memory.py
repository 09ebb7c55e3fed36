"""A board that plays samples out of its memory, beside the golden model: epochs, flipped bits, resets, refusals.

`Conversation` compares all that the board says with what the model demands; here is what is to be said.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from backspike import PRESETS
from backspike.datasets import load_dataset
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import decode_line, encode_line
from backspike.link import (
    DAMAGED_RESULT,
    MEMORY_READ_WORDS,
    RUNS,
    MemoryRequest,
    Request,
    Status,
    memory_write_words,
)
from backspike.model import Network
from backspike.model.fast import run_samples
from backspike.model.records import digest, pack_order, pack_records
from backspike.registers import RegisterMap
from backspike.sim.board import SimulatedBoard
from backspike.sim.exercise import lively_weights
from backspike.sim.requests import Conversation

SEED = 20276
BITS = 13
TINY = PRESETS["tiny"]
RECORDED = TINY.replace(name="tiny_spikes", layers=(12, 4, 3), ticks=6, input="spikes", patience=2)
SAMPLES = 96
ORDERS, RESULTS = 1 << BITS - 1, 3 << BITS - 2
LEARN, WRITE, CHECK = 1, 2, 4
PATIENCE = 50
"""Looks at the runs, each of some thousand clocks, until all of them have to be finished."""


class Host:
    """Asks a board, has the model compare its answers, and keeps what they have."""

    def __init__(self, board: SimulatedBoard, config=TINY) -> None:
        self.board, self.config = board, config
        self.conversation = Conversation(board, config, Random(SEED), memory_bits=BITS)
        self.model = self.conversation.model
        dataset = load_dataset("random", config, SEED)
        self.values, self.labels = dataset.train_values[:SAMPLES], dataset.train_labels[:SAMPLES]
        self.records = pack_records(config, self.values, self.labels)
        self.weights = lively_weights(config, SEED)
        self.ask(Request.HELLO)
        self.conversation.load(self.weights)
        self.write(0, self.records.words)

    def ask(self, kind: int, body: bytes = b"", status: Status = Status.DONE) -> bytes:
        """Send the next request; return its answer's body after the status, which is as expected."""
        frame = Frame((self.model.sequence + 1) % 256, kind, body)
        answer = decode_line(self.board.exchange(encode_line(frame))[:-1])
        self.model.take(frame, answer)
        assert answer.body[0] == status, answer
        return answer.body[1:]

    def write(self, address: int, words: np.ndarray) -> None:
        for start in range(0, len(words), memory_write_words()):
            part = words[start : start + memory_write_words()].astype("<u2").tobytes()
            self.ask(MemoryRequest.MEMORY_WRITE, struct.pack("<I", address + start) + part)

    def results(self, address: int, samples: int) -> np.ndarray:
        content = b""
        for start in range(0, 2 * samples, MEMORY_READ_WORDS):
            count = min(MEMORY_READ_WORDS, 2 * samples - start)
            content += self.ask(MemoryRequest.MEMORY_READ, struct.pack("<IH", address + start, count))
        return np.frombuffer(content, dtype="<u2").reshape(-1, 2).astype(np.int64)

    def lay_order(self, chosen: np.ndarray, address: int) -> None:
        self.write(address, pack_order(self.records.addresses[chosen], address))

    def run(self, samples: int, order: int, results: int, flags: int, **registers: int) -> int:
        addresses = RegisterMap(self.config)
        body = struct.pack("<IIIB", samples, order, results, flags)
        body += b"".join(struct.pack("<BI", addresses[name].address, value) for name, value in registers.items())
        return self.ask(MemoryRequest.RUN, body)[0]

    def runs(self) -> tuple[int, list[tuple[int, int, int, int]]]:
        """Return how many runs are not finished, and the counts of each place."""
        answer = self.ask(MemoryRequest.RUNS)
        return answer[1], list(struct.iter_unpack("<4I", answer[2:]))

    def wait(self) -> list[tuple[int, int, int, int]]:
        for _ in range(PATIENCE):
            unfinished, counts = self.runs()
            if not unfinished:
                self.model.rest()
                return counts
        raise AssertionError(f"{unfinished} runs are not finished after {PATIENCE} looks at them")


@pytest.fixture(params=[TINY, RECORDED], ids=["rate", "spikes"])
def host(request) -> Iterator[Host]:
    with SimulatedBoard(request.param, memory_bits=BITS) as board:
        yield Host(board, request.param)


@pytest.fixture
def tiny() -> Iterator[Host]:
    with SimulatedBoard(TINY, memory_bits=BITS) as board:
        yield Host(board)


def test_epochs_wait_in_the_queue_and_teach_what_the_model_learns(host: Host) -> None:
    """Three epochs with other rates and orders, the third loaded while the others are played, then all as a test."""
    config, random = host.config, np.random.default_rng(SEED)
    orders = [random.permutation(SAMPLES) for _ in range(3)]
    rates = [(256, 200), (100, 256), (30, 7)]
    network = Network(config, host.weights)
    expected = []
    for order, (first, second) in zip([*orders, np.arange(SAMPLES)], [*rates, rates[-1]], strict=True):
        network.rates[:] = first, second
        learn = len(expected) < 3
        wins = run_samples(network, host.values, host.labels, order, learn)
        winners = wins.argmax(axis=1)
        expected.append((np.stack([winners, wins.max(axis=1)], axis=1), (winners == host.labels[order]).sum()))

    for epoch in range(2):
        host.lay_order(orders[epoch], ORDERS + 2 * SAMPLES * epoch)
    for epoch, (first, second) in enumerate(rates):
        if epoch == 2:
            assert host.runs()[0] > 0
            host.lay_order(orders[2], ORDERS + 4 * SAMPLES)
        place = 2 * SAMPLES * epoch
        assert host.run(SAMPLES, ORDERS + place, RESULTS + place, LEARN | WRITE, RATE_1=first, RATE_2=second) == epoch
    host.lay_order(np.arange(SAMPLES), ORDERS + 6 * SAMPLES)
    host.run(SAMPLES, ORDERS + 6 * SAMPLES, RESULTS + 6 * SAMPLES, WRITE)
    counts = host.wait()
    for epoch, (results, right) in enumerate(expected):
        found = host.results(RESULTS + 2 * SAMPLES * epoch, SAMPLES)
        assert (found == results).all(), f"epoch {epoch}"
        assert counts[epoch] == (SAMPLES, right, 0, zlib.crc32(found.astype("<u2").tobytes()))
    host.conversation.compare()
    for held, weights, before in zip(host.model.network.weights, network.weights, host.weights, strict=True):
        assert (held == weights).all()
        assert (held != before).any()


def test_any_flipped_bit_is_found_before_it_is_shown(tiny: Host) -> None:
    """A thousand bits of records and entries, some in each run of all samples: these are damaged, and no others."""
    random, flips = np.random.default_rng(SEED), 0
    words = tiny.records.words
    while flips < 1000:
        order = random.permutation(SAMPLES)
        entries = pack_order(tiny.records.addresses[order], ORDERS)
        tiny.write(ORDERS, entries)
        hit = np.sort(random.choice(SAMPLES, 80, replace=False))
        damaged = words.copy()
        for position in hit.tolist():
            bit = 1 << random.integers(16)
            if random.random() < 0.25:
                entries[2 * position + random.integers(2)] ^= bit
            else:
                place = tiny.records.addresses[order[position]]
                damaged[place + random.integers(words[place + 1])] ^= bit
        tiny.write(0, damaged)
        tiny.write(ORDERS, entries)
        number = tiny.run(SAMPLES, ORDERS, RESULTS, LEARN | WRITE, RATE_1=256, RATE_2=256)
        counts = tiny.wait()[number % RUNS]
        found = tiny.results(RESULTS, SAMPLES)
        assert np.flatnonzero((found == DAMAGED_RESULT).all(axis=1)).tolist() == hit.tolist()
        assert counts[0::2] == (SAMPLES, len(hit))
        flips += len(hit)
    tiny.conversation.compare()


def test_what_lies_in_memory_is_checked_without_being_shown(tiny: Host) -> None:
    tiny.lay_order(np.arange(SAMPLES), ORDERS)
    number = tiny.run(SAMPLES, ORDERS, RESULTS, CHECK | LEARN)
    results = np.stack([tiny.labels, 0 * tiny.labels], axis=1)
    assert tiny.wait()[number] == (SAMPLES, 0, 0, digest(results))
    tiny.conversation.compare()
    assert tiny.model.shown == 0


def test_a_run_refuses_the_network_to_others_and_waits_for_them(tiny: Host) -> None:
    tiny.lay_order(np.arange(SAMPLES), ORDERS)
    body = struct.pack("<HH", 1, 1) + b"\1\xff"
    tiny.ask(Request.SAMPLES, body * 3)
    # The results of these samples are not fetched yet, or not all.
    for number in range(RUNS):
        assert tiny.run(4, ORDERS, RESULTS, LEARN) == number
    tiny.ask(MemoryRequest.RUN, struct.pack("<IIIB", 0, 0, 0, 0), Status.QUEUE_FULL)
    tiny.ask(Request.READ, b"\0\1", Status.RUNNING)
    tiny.ask(Request.CHECKSUM, b"\0\1\0", Status.RUNNING)
    tiny.ask(Request.WRITE, b"\0\0\0\0\0", Status.RUNNING)
    tiny.ask(Request.SAMPLES, body, Status.RUNNING)
    tiny.ask(Request.SAMPLES, body[:-1], Status.WRONG_BODY)
    tiny.ask(Request.SAMPLES, struct.pack("<HH", 3, 0), Status.WRONG_LABEL)
    tiny.ask(Request.LINK)
    tiny.ask(Request.RESULTS)
    tiny.wait()
    tiny.ask(Request.SAMPLES, struct.pack("<HH", 1 | 1 << 14, 1) + b"\1\xff")
    tiny.ask(MemoryRequest.RUN, struct.pack("<IIIB", 0, 0, 0, 0), Status.MID_SAMPLE)
    tiny.conversation.compare()


@pytest.mark.parametrize("by_break", [False, True], ids=["hello", "break"])
def test_runs_end_with_a_reset_and_the_memory_stays(tiny: Host, by_break: bool) -> None:
    """At any moment: of runs' first steps, of a sample, between two, while words are read."""
    random = Random(SEED)
    tiny.lay_order(np.arange(SAMPLES), ORDERS)
    for _ in range(6):
        for _ in range(2):
            tiny.run(SAMPLES, ORDERS, RESULTS, LEARN | WRITE, RATE_1=256)
        tiny.board.run(random.randrange(3000))
        if by_break:
            tiny.board.send_break()
            tiny.model.reset()
        tiny.ask(Request.HELLO)
        assert tiny.runs()[0] == 0
    tiny.conversation.compare_weights()
    tiny.conversation.compare()
    assert tiny.run(SAMPLES, ORDERS, RESULTS, LEARN | WRITE) == 0
    assert tiny.wait()[0][0::2] == (SAMPLES, 0)
    tiny.conversation.compare()
