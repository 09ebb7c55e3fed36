"""A port that brings anything: the driver ends, in time, with what is right or with one sentence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backspike import BackspikeError
from backspike.config import NetworkConfig
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import (
    LINE_BYTES,
    NOISE,
    LineReader,
    SerialTransport,
    decode_line,
    encode_line,
)
from backspike.fpga.link.session import ATTEMPTS, GREETINGS, NoAnswerError
from backspike.link import ANSWER, PROTOCOL_VERSION, LinkEvent, Request, Status, greeting
from backspike.registers import IDENTITY, SEMANTICS_VERSION, RegisterMap

CONFIG = NetworkConfig(layers=(3, 2), name="hostile", ticks=4)
TIMEOUT = 0.1
READ_SECONDS = 0.02
BYTE_SECONDS = 1e-4


class HonestDevice:
    """What a device answers, by docs/host_link.md: registers hold what was written, every sample is class 1."""

    def __init__(self) -> None:
        self.registers = RegisterMap(CONFIG)
        self.names = {entry.address: name for name, entry in self.registers.registers.items()}
        self.values = {"IDENTITY": IDENTITY, "SEMANTICS": SEMANTICS_VERSION, "CONFIG_HASH": int(CONFIG.hash[:8], 16)}

    def __call__(self, request: Frame) -> Frame:
        return Frame(request.sequence, request.kind | ANSWER, bytes((Status.DONE,)) + self.body(request))

    def body(self, request: Frame) -> bytes:
        if request.kind == Request.HELLO:
            return greeting()
        if request.kind == Request.READ:
            address, count = request.body
            return struct.pack("<I", self.values.get(self.names[address], 0)) * count
        if request.kind == Request.CHECKSUM:
            address, count = struct.unpack("<BH", request.body)
            return zlib.crc32(struct.pack("<I", self.values.get(self.names[address], 0)) * count).to_bytes(4, "little")
        if request.kind == Request.LINK:
            return bytes(2 * len(LinkEvent))
        if request.kind == Request.SAMPLES:
            place, results = 0, b""
            while place < len(request.body):
                flags, count = struct.unpack_from("<HH", request.body, place)
                results += b"" if flags >> 14 & 1 else struct.pack("<HH", 1, CONFIG.ticks)
                place += 4 + 2 * count
            return results
        return b""


class HostileLine:
    """A line in its own time: each request gets what a function of it gives, and after that endless noise, if any.

    Parameters
    ----------
    answer : callable
        Bytes that come after a request.
    noise : callable, optional
        So many bytes, which are there at any time.
    """

    def __init__(self, answer: Callable[[Frame], bytes], noise: Callable[[int], bytes] | None = None) -> None:
        self.answer, self.noise = answer, noise
        self.time, self.waiting, self.given = 0.0, b"", 0

    def seconds(self) -> float:
        return self.time

    @property
    def in_waiting(self) -> int:
        return len(self.waiting) or (100 if self.noise else 0)

    def read(self, size: int = 1) -> bytes:
        found, self.waiting = self.waiting[:size], self.waiting[size:]
        if self.noise:
            found += self.noise(size - len(found))
        self.time += BYTE_SECONDS * len(found) if found else READ_SECONDS * (size > 0)
        self.given += len(found)
        return found

    def write(self, content: bytes, /) -> int:
        self.waiting += self.answer(decode_line(content.strip(b"\0")))
        return len(content)

    def send_break(self, duration: float = 0.25) -> None:
        self.time += duration


def connect(line: HostileLine) -> Device:
    return Device(SerialTransport(line, line.seconds), CONFIG, TIMEOUT)


def frames_without_end(kind: int, sequence: int) -> Callable[[int], bytes]:
    frame = encode_line(Frame(sequence, kind, b"\0" * 5))
    return lambda size: (frame * (size // len(frame) + 1))[:size]


NOISES = {
    "text": lambda size: (b"Starting kernel ...\r\n" * size)[:size],
    "zeros": bytes,
    "ones": lambda size: b"\xff" * size,
    "random": Random(20269).randbytes,
    "answers to another": frames_without_end(Request.HELLO | ANSWER, 200),
    "requests": frames_without_end(Request.HELLO, 1),
}


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("still", [True, False])
def test_a_port_that_talks_by_itself_is_one_sentence(name: str, still: bool) -> None:
    """With time that goes by as bytes come, and with time that stands still while they do."""
    line = HostileLine(lambda request: b"", NOISES[name])
    if still:
        line.seconds = lambda: 0.0  # type: ignore[method-assign]
    with pytest.raises(NoAnswerError, match=r"HELLO, which was sent 5 times; [0-9,]+ bytes came that are no answer"):
        connect(line)
    # Before a reset by the line, and after it.
    greetings = 2 * GREETINGS
    assert line.time <= greetings * (2 * TIMEOUT + READ_SECONDS + 4096 * BYTE_SECONDS) or still
    assert line.given <= greetings * (NOISE + 2 * 4096)


@pytest.mark.parametrize("name", NOISES)
def test_a_device_that_begins_to_talk_by_itself_is_one_sentence(name: str) -> None:
    honest = HonestDevice()
    line = HostileLine(lambda request: encode_line(honest(request)))
    device = connect(line)
    begun, line.noise, line.answer = line.time, NOISES[name], lambda request: b""
    with pytest.raises(NoAnswerError, match=r"^no answer from the device to READ, which was sent 40 times; .* bytes"):
        device.read("TICKS")
    assert line.time - begun <= ATTEMPTS * (2 * TIMEOUT + READ_SECONDS + 4096 * BYTE_SECONDS)


@pytest.mark.parametrize("name", NOISES)
def test_an_answer_is_found_in_noise(name: str) -> None:
    """A 0 ends what came before it; noise comes ahead of every answer, more than a frame has."""
    honest = HonestDevice()
    line = HostileLine(lambda request: NOISES[name](3000) + b"\0" + encode_line(honest(request)))
    device = connect(line)
    assert device.read("IDENTITY") == IDENTITY
    assert device.session.repeats == 0


def test_answers_that_come_many_times_are_none_to_a_later_request() -> None:
    """Of 300 requests, more than sequences there are, each finds its own answer."""
    honest, number = HonestDevice(), 0

    def answer(request: Frame) -> bytes:
        nonlocal number
        number += 1
        honest.values["TICKS"] = number
        return encode_line(honest(request)) * 3

    device = connect(HostileLine(answer))
    for _ in range(300):
        assert device.read("TICKS") == number


def answering(kind: Request, body: bytes) -> HostileLine:
    """Return the line of a device that is honest, but to requests of a kind, of registers from TICKS on."""
    honest = HonestDevice()
    first = honest.registers["WEIGHT_DATA"].address

    def answer(request: Frame) -> bytes:
        lies = request.kind == kind and not (kind == Request.READ and request.body[0] < first)
        return encode_line(Frame(request.sequence, kind | ANSWER, body) if lies else honest(request))

    return HostileLine(answer)


def show(device: Device, samples: int = 3) -> None:
    device.show(np.full((samples, 3), 9, dtype=np.uint8), np.zeros(samples, dtype=np.int64), True)


DONE = b"\0"


class SlowLine(HostileLine):
    """A port that takes a request at once, and then sends it for a second; the answer is there right after that."""

    sent = 0.0

    def read(self, size: int = 1) -> bytes:
        if self.time < self.sent:
            self.time += READ_SECONDS
            return b""
        return super().read(size)

    def write(self, content: bytes, /) -> int:
        if not self.waiting:
            self.sent = self.time + 1.0
        return super().write(content)


@pytest.mark.parametrize(("byte_seconds", "repeats"), [(0.1, False), (0.0, True)])
def test_a_request_that_is_still_on_the_line_is_not_late(byte_seconds: float, repeats: bool) -> None:
    line = SlowLine(lambda request: encode_line(HonestDevice()(request)))
    device = Device(SerialTransport(line, line.seconds, byte_seconds), CONFIG, TIMEOUT)
    assert device.read("TICKS") == 0
    assert (device.session.repeats > 0) is repeats


@pytest.mark.parametrize(
    ("kind", "body", "use", "sentence"),
    [
        (Request.HELLO, b"", connect, "the device's answer to HELLO is empty, without a status"),
        (Request.HELLO, DONE, connect, "the device speaks version none of the protocol, and this is version"),
        (Request.HELLO, DONE + bytes((PROTOCOL_VERSION,)), connect, "the device answers HELLO with the bytes"),
        (Request.HELLO, DONE + bytes((PROTOCOL_VERSION, 65, 1)), connect, "the device answers HELLO with the bytes"),
        (Request.HELLO, DONE + greeting()[:2], connect, "the device answers HELLO with the bytes"),
        (Request.HELLO, DONE + greeting()[:2] + b"\0", connect, "the device answers HELLO with the bytes"),
        (Request.HELLO, DONE + greeting()[:2] + b"\x09", connect, "the device answers HELLO with the bytes"),
        (Request.HELLO, DONE + greeting() + b"\0", connect, "the device answers HELLO with the bytes"),
        (Request.READ, b"", "counters", "the device's answer to READ is empty, without a status"),
        (Request.READ, DONE, "counters", "the device's answer to READ has 0 bytes, not 4"),
        (Request.READ, DONE + b"abc", "counters", "the device's answer to READ has 3 bytes, not 4"),
        (Request.READ, DONE + bytes(500), "counters", "the device's answer to READ has 500 bytes, not 4"),
        (Request.READ, b"\1", "counters", r"the device does not know the request \(READ\)"),
        (Request.READ, b"\2", "counters", r"the device refuses the request's body \(READ\)"),
        (Request.READ, b"\3", "counters", r"the device is in the middle of a sample \(READ\)"),
        (Request.READ, b"\x63", "counters", r"the device answers with the unknown status 99 \(READ\)"),
        (Request.READ, DONE + bytes(8), "read_weights", "the device's answer to READ has 8 bytes, not 32"),
        (
            Request.READ,
            DONE + b"\xff\0\0\0" * 8,
            "read_weights",
            "the device gives what cannot be its weights: weights",
        ),
        (Request.CHECKSUM, DONE + bytes(3), "weight_checksums", "the device's answer to CHECKSUM has 3 bytes, not 4"),
        (Request.LINK, DONE + bytes(13), "link_counters", "the device's answer to LINK has 13 bytes, not 14"),
        (
            Request.WRITE,
            DONE + b"x",
            lambda device: device.reseed(3),
            "the device's answer to WRITE has 1 bytes, not 0",
        ),
        (Request.SAMPLES, DONE + b"abc", show, "the device gave results of 3 bytes, not of 4 each"),
        (Request.SAMPLES, DONE + struct.pack("<HH", 2, 4), show, "the device gave class 2 with 4 wins; classes are 0"),
        (Request.SAMPLES, DONE + struct.pack("<HH", 1, 5), show, "the device gave class 1 with 5 wins; .* wins 1 to 4"),
        (Request.SAMPLES, DONE + struct.pack("<HH", 1, 0), show, "the device gave class 1 with 0 wins; .* wins 1 to 4"),
        (Request.SAMPLES, DONE + struct.pack("<HH", 1, 4) * 4, show, "the device gave 4 results to 3 samples"),
        (Request.SAMPLES, DONE + struct.pack("<HH", 1, 4), show, "the device gave 1 of 3 results, then no more"),
    ],
)
def test_a_wrong_answer_is_one_sentence(kind, body, use, sentence) -> None:
    line = answering(kind, body)
    if use is connect:
        with pytest.raises(BackspikeError, match=f"^{sentence}"):
            connect(line)
        return
    device = connect(line)
    with pytest.raises(BackspikeError, match=f"^{sentence}"):
        getattr(device, use)() if isinstance(use, str) else use(device)


def test_results_without_end_are_one_sentence() -> None:
    """One more with each request, and none that is asked for is the last."""
    honest = HonestDevice()
    results = bytes((Status.DONE,)) + struct.pack("<HH", 1, 4)

    def answer(request: Frame) -> bytes:
        late = request.kind in (Request.SAMPLES, Request.RESULTS)
        body = b"\0" if request.kind == Request.SAMPLES else results
        return encode_line(Frame(request.sequence, request.kind | ANSWER, body) if late else honest(request))

    device = connect(HostileLine(answer))
    show(device, 5)
    device.show(np.zeros((0, 3), dtype=np.uint8), np.zeros(0, dtype=np.int64), True)


behaviours = st.sampled_from(
    ("honest",) * 6
    + ("silent", "cut", "flipped", "empty", "longer", "shorter", "refused", "twice", "late", "other", "noise", "any")
)


@given(
    script=st.lists(behaviours, max_size=60),
    noise=st.sampled_from([None, *NOISES]),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_any_answers_end_with_the_right_results_or_one_sentence(script, noise, random) -> None:
    """Each answer is treated as the script says, and is honest after its end; then noise may begin."""
    honest, left, held = HonestDevice(), list(script), b""

    def answer(request: Frame) -> bytes:
        nonlocal held
        right = honest(request)
        line, late, held = encode_line(right), held, b""
        what = left.pop(0) if left else "honest"
        if what == "silent":
            return late
        if what == "cut":
            return late + line[: random.randrange(len(line))]
        if what == "flipped":
            place = random.randrange(len(line))
            return late + line[:place] + bytes((line[place] ^ 1 << random.randrange(8),)) + line[place + 1 :]
        if what == "late":
            held = line
            return b""
        if what == "noise":
            return late + random.randbytes(random.randrange(3000)) + b"\0" + line
        if what == "any":
            return late + random.randbytes(random.randrange(100))
        body = {
            "empty": b"",
            "longer": right.body + random.randbytes(random.randrange(1, 9)),
            "shorter": right.body[: random.randrange(len(right.body))],
            "refused": bytes((random.randrange(1, 256),)),
        }.get(what, right.body)
        sequence = (right.sequence + random.randrange(1, 256)) % 256 if what == "other" else right.sequence
        return late + encode_line(Frame(sequence, right.kind, body)) * (1 + (what == "twice"))

    line, sentence = HostileLine(answer), ""
    values, labels = np.full((40, 3), 7, dtype=np.uint8), np.zeros(40, dtype=np.int64)
    try:
        device = connect(line)
        device.reseed(5)
        device.write_weights([np.ones((4, 2), dtype=np.int64)])
        results = device.show(values, labels, True)
        assert results.tolist() == [[1, 4]] * 40
        assert device.read("IDENTITY") == IDENTITY
        line.noise = NOISES.get(noise)
        device.counters()
    except BackspikeError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert not sentence or script or noise
    requests = 60 + ATTEMPTS
    assert line.time < (requests + len(script)) * (2 * TIMEOUT + 2 * READ_SECONDS + NOISE * BYTE_SECONDS)


@given(content=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 3000), max_size=8))
@settings(max_examples=200, deadline=None)
def test_frames_are_found_however_bytes_come(content, cuts) -> None:
    """After any bytes and a 0, a frame is found; no more is kept than a frame has."""
    wanted = Frame(9, 0x82, b"\0\1\2\0")
    line = content + b"\0" + encode_line(wanted)
    reader, found = LineReader(), []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(line)], strict=True):
        found += reader.feed(line[start:end])
        assert len(reader._line) <= LINE_BYTES + 1
    assert found[-1] == wanted
