"""A USB host at full speed, at the level of D+ and D-: it trusts nothing that a device sends.

Written from the specification (USB 2.0, chapters 7 to 9), and from nothing that the device is made of. Bits are in the
order in which they are sent; states of the line are ``"J"`` (D+ alone), ``"K"`` (D- alone) and ``"0"`` (neither, SE0).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby, pairwise
from random import Random
from typing import Any

from cocotb.simtime import get_sim_time
from cocotb.triggers import Event, First, Timer, ValueChange

__all__ = [
    "DATA",
    "LEVELS",
    "PACKET_BYTES",
    "Pid",
    "Setup",
    "UsbError",
    "UsbHost",
    "bits_of",
    "bits_of_bytes",
    "crc5",
    "crc16",
    "decode",
    "descriptors_of",
    "encode",
    "remainder",
    "states_of",
    "stuff",
]

LEVELS = {"J": 0b01, "K": 0b10, "0": 0b00}
"""Of D+, the lower bit, and D-, in each state of the line."""

BIT_PS = 1e6 / 12
"""Picoseconds of a bit: 12 Mbit/s."""

SYNC = (0, 0, 0, 0, 0, 0, 0, 1)
PACKET_BYTES = 64
FRAME_BITS = 12_000
"""Bits of a millisecond, after each of which comes a start of frame."""

TIMEOUT_BITS = 18
"""A host waits for an answer for 16 to 18 bits (7.1.19.1)."""

SOONEST, LATEST = 2.0, 6.5
"""Bits between the end of a packet and the beginning of its answer, of a device with a cable that comes off (7.1.18.1).

Measured from the end of SE0; a tenth of a bit is left to the clocks.
"""

ATTEMPTS = 1000


class UsbError(AssertionError):
    """A device has done what the specification does not allow."""


class Pid(IntEnum):
    """Packets by their identifiers (table 8-1)."""

    OUT, IN, SOF, SETUP = 0b0001, 0b1001, 0b0101, 0b1101
    DATA0, DATA1 = 0b0011, 0b1011
    ACK, NAK, STALL = 0b0010, 0b1010, 0b1110


TOKENS = (Pid.OUT, Pid.IN, Pid.SETUP, Pid.SOF)
DATA = (Pid.DATA0, Pid.DATA1)
HANDSHAKES = (Pid.ACK, Pid.NAK, Pid.STALL)


# -- packets --------------------------------------------------------------------------------------------------------


def bits_of(number: int, count: int) -> list[int]:
    """Return the bits of a number, the lowest first, as all fields are sent (8.3)."""
    return [number >> place & 1 for place in range(count)]


def bits_of_bytes(content: Iterable[int]) -> list[int]:
    """Return the bits of bytes, in the order in which they are sent."""
    return [bit for byte in content for bit in bits_of(byte, 8)]


def number_of(bits: Sequence[int]) -> int:
    """Return the number of bits, the lowest first."""
    return sum(bit << place for place, bit in enumerate(bits))


def remainder(bits: Sequence[int], generator: int, width: int) -> int:
    """Return what a division leaves in a register that begins with ones (8.3.5)."""
    register = (1 << width) - 1
    for bit in bits:
        top = register >> width - 1 & 1
        register = register << 1 & (1 << width) - 1
        if top != bit:
            register ^= generator
    return register


def _check(bits: Sequence[int], generator: int, width: int) -> list[int]:
    """Return the bits that are sent after a field: the remainder's complement, the highest first."""
    left = remainder(bits, generator, width) ^ (1 << width) - 1
    return bits_of(left, width)[::-1]


def crc5(bits: Sequence[int]) -> list[int]:
    """Return the five bits after a token's eleven (8.3.5.1)."""
    return _check(bits, 0b00101, 5)


def crc16(bits: Sequence[int]) -> list[int]:
    """Return the sixteen bits after a packet's data (8.3.5.2)."""
    return _check(bits, 0b1000_0000_0000_0101, 16)


def stuff(bits: Sequence[int]) -> list[int]:
    """Return bits with a 0 after each six ones (7.1.9); the one at the end of SYNC is the first that counts."""
    stuffed, ones = [], 0
    for bit in bits:
        stuffed.append(bit)
        ones = ones + 1 if bit else 0
        if ones == 6:
            stuffed.append(0)
            ones = 0
    return stuffed


def states_of(stuffed: Sequence[int]) -> str:
    """Return the states of the line: a 0 changes it, a 1 does not (7.1.8); at the end two bits of SE0 and one of J."""
    states, state = "", "J"
    for bit in stuffed:
        state = state if bit else {"J": "K", "K": "J"}[state]
        states += state
    return states + "00J"


def encode(pid: Pid, content: bytes | int = b"") -> list[int]:
    """Return the bits of a packet, SYNC first and not stuffed yet; `content` is that of data, or a token's 11 bits."""
    bits = [*SYNC, *bits_of(pid, 4), *bits_of(~pid, 4)]
    if isinstance(content, int):
        token = bits_of(content, 11)
        return [*bits, *token, *crc5(token)]
    data = bits_of_bytes(content)
    return [*bits, *data, *crc16(data)] if pid in DATA else bits


def decode(states: str) -> tuple[Pid, bytes]:
    """Return a packet and the data in it; `states` are those of its bits up to the first SE0.

    Raises
    ------
    UsbError
        It is not a packet that a device may send.
    """
    bits, before = [], "J"
    for state in states:
        bits.append(int(state == before))
        before = state
    if tuple(bits[:8]) != SYNC:
        raise UsbError(f"a packet begins with {bits[:8]}")
    plain, ones, skip = [], 1, False
    for bit in bits[8:]:
        if skip and bit:
            raise UsbError("seven ones in a row")
        if not skip:
            plain.append(bit)
        ones = ones + 1 if bit else 0
        skip = ones == 6
    if skip:
        raise UsbError("six ones at the end, and no 0 after them")
    if len(plain) < 8 or len(plain) % 8:
        raise UsbError(f"a packet of {len(plain)} bits")
    number, inverse = number_of(plain[:4]), number_of(plain[4:8])
    if number ^ inverse != 0b1111 or number not in (*DATA, *HANDSHAKES):
        raise UsbError(f"a packet with the identifier {plain[:8]}")
    pid, rest = Pid(number), plain[8:]
    if pid in HANDSHAKES:
        if rest:
            raise UsbError(f"{pid.name} with {len(rest)} bits after it")
        return pid, b""
    # The remainder of a whole packet, data and check, is the same whatever the data (8.3.5.2).
    if len(rest) < 16 or remainder(rest, 0b1000_0000_0000_0101, 16) != 0b1000_0000_0000_1101:
        raise UsbError(f"{pid.name} with {len(rest)} bits, and a wrong CRC")
    data = rest[:-16]
    return pid, bytes(number_of(data[start : start + 8]) for start in range(0, len(data), 8))


# -- the line -------------------------------------------------------------------------------------------------------


@dataclass
class Setup:
    """A request on endpoint 0 (table 9-2)."""

    kind: int
    request: int
    value: int = 0
    index: int = 0
    length: int = 0

    def pack(self) -> bytes:
        """Return its eight bytes."""
        return bytes((self.kind, self.request)) + b"".join(
            number.to_bytes(2, "little") for number in (self.value, self.index, self.length)
        )


class UsbHost:
    """A host, and the bus to one device.

    The design has the inputs ``drive`` and ``level`` (D+ and D-, the lowest bit first), by which the host drives the
    line, and the outputs ``line``, its level, and ``driven``: the device drives it.

    Parameters
    ----------
    dut : unit of `verilog`
    random : Random
    skew : float
        How much longer its bits are than those of 12 MHz; 0.0025 either way is allowed (7.1.11).
    damage : float
        Probability that a packet is damaged, in either direction: so that what the host hears is lost, too.
    """

    def __init__(self, dut: Any, random: Random, skew: float = 0.0, damage: float = 0.0) -> None:
        self._dut, self._random, self._line = dut, random, dut.line
        self._bit = BIT_PS * (1 + skew)
        self.damage = damage
        self.counted: Counter[str] = Counter()
        self.turns: list[float] = []
        self.spent: dict[str, float] = {}
        self.address = 0
        self.polls = True
        """Whether data is fetched from the device as well."""
        self.gap = 100
        """Bits between two polls that had no answer."""
        self._toggle_out = self._toggle_in = 0
        self._out: deque[tuple[bytes, Event]] = deque()
        self._asked: deque[tuple[Setup, bytes, list[bytes | None], Event]] = deque()
        self.received = bytearray()
        self.came = Event()
        self._frame = 0
        self._next_frame = 0.0
        self._owed = 0.0
        self._end = 0.0
        dut.put(drive=0, level=0)

    def now(self) -> float:
        """Return the time in bits."""
        return get_sim_time("ps") / self._bit

    async def idle(self, bits: float) -> None:
        """Let so many bits go by."""
        self._owed += bits * self._bit
        whole = int(self._owed)
        self._owed -= whole
        if whole > 0:
            await Timer(whole, "ps")

    async def reset(self, bits: float = 240) -> None:
        """Reset the bus: SE0, for 20 microseconds instead of 10 milliseconds; the device is at address 0 then."""
        self._dut.put(drive=1, level=0)
        await self.idle(bits)
        self._dut.put(drive=0)
        self.address = self._toggle_out = self._toggle_in = 0
        await self.idle(40)

    async def _send(self, bits: list[int]) -> None:
        """Send a packet; now and then one that is damaged."""
        assert not self._dut.get("driven"), "the device drives the line when the host begins to"
        if self._random.random() < self.damage:
            bits = self._damaged(bits)
            self.counted["damaged"] += 1
        states = states_of(stuff(bits))
        for state, run in groupby(states):
            self._dut.put(drive=1, level=LEVELS[state])
            if state == "J":
                self._end = get_sim_time("ps")
            await self.idle(len(list(run)))
            assert not self._dut.get("driven"), "host and device drive the line at once"
        self._dut.put(drive=0)

    def _damaged(self, bits: list[int]) -> list[int]:
        """Return a packet of which a bit or two are others, or which is cut short; CRCs tell all of these apart."""
        bits = list(bits)
        if self._random.randrange(4) == 0:
            # Not so short that it would be a whole packet of another kind.
            return bits[: -self._random.randint(1, 7)]
        whole = bits[8:16]
        for place in self._random.sample(range(8, len(bits)), self._random.randint(1, 2)):
            bits[place] ^= 1
        # Of an identifier, two bits that belong together make another one, and nobody could tell.
        if bits[8:16] != whole and bits[8:12] == [1 - bit for bit in bits[12:16]]:
            bits[12] ^= 1
        return bits

    async def _hear(self) -> tuple[Pid, bytes] | None:
        """Return the packet that the device sends now, or None if it sends none; check how it does."""
        changes = [(self._end, 1)]
        limit = Timer(round(TIMEOUT_BITS * self._bit - (get_sim_time("ps") - self._end)), "ps")
        change = ValueChange(self._line)
        while True:
            if await First(change, limit) is limit:
                if len(changes) > 1:
                    raise UsbError("the device stops in the middle of a packet")
                self.counted["silent"] += 1
                return None
            now, level = get_sim_time("ps"), int(self._line.value)
            if now == changes[-1][0]:
                changes[-1] = (now, level)
            else:
                changes.append((now, level))
            if len(changes) > 2 and level == 1 and changes[-2][1] == 0:
                break
            limit, change = Timer(round(12 * self._bit), "ps"), ValueChange(self._line)
        turn = (changes[1][0] - self._end) / self._bit
        if not SOONEST - 0.1 <= turn <= LATEST + 0.1:
            raise UsbError(f"an answer after {turn:.2f} bits")
        self.turns.append(turn)
        states = ""
        for (begun, level), (ended, _) in pairwise(changes[1:]):
            exact = (ended - begun) / self._bit
            run = round(exact)
            if abs(exact - run) > 0.15 or level == 3 or run == 0:
                raise UsbError(f"level {level} for {exact:.2f} bits")
            states += next(state for state, value in LEVELS.items() if value == level) * run
        if not states.endswith("00") or "0" in states[:-2]:
            raise UsbError(f"a packet's end is {states[-4:]}")
        found = decode(states[:-2])
        # One bit of J, and then nobody drives.
        await self.idle(1.7)
        if self._dut.get("driven"):
            raise UsbError("the device drives on after a packet")
        if self._random.random() < self.damage:
            self.counted["unheard"] += 1
            return None
        return found

    # -- transactions -------------------------------------------------------------------------------------------------

    async def _pause(self) -> None:
        """Leave the bits between two packets; begin a frame when it is time."""
        await self.idle(self._random.uniform(2, 7))
        if self.now() >= self._next_frame:
            self._next_frame = max(self._next_frame + FRAME_BITS, self.now())
            self._frame = (self._frame + 1) % 2048
            await self._send(encode(Pid.SOF, self._frame))
            await self.idle(3)
        if self._random.random() < self.damage / 2:
            await self._others()

    async def _others(self) -> None:
        """Talk to another device, of which a bus at this speed hears what the host says."""
        pid = self._random.choice((Pid.OUT, Pid.IN))
        await self._send(encode(pid, self.address ^ 0x15 | 2 << 7))
        await self.idle(self._random.uniform(2, 6))
        if pid == Pid.OUT:
            await self._send(encode(self._random.choice(DATA), self._random.randbytes(self._random.randrange(30))))
        else:
            await self.idle(60)
            await self._send(encode(Pid.ACK))
        await self.idle(TIMEOUT_BITS)

    async def _token(self, pid: Pid, endpoint: int) -> None:
        await self._pause()
        await self._send(encode(pid, self.address | endpoint << 7))

    async def give(self, pid: Pid, endpoint: int, data_pid: Pid, data: bytes) -> Pid | None:
        """Send a token and data; return the handshake, or None if none was heard."""
        await self._token(pid, endpoint)
        await self.idle(self._random.uniform(2, 6))
        await self._send(encode(data_pid, data))
        heard = await self._hear()
        if heard is None:
            return None
        if heard[0] not in HANDSHAKES:
            raise UsbError(f"{heard[0].name} in answer to data")
        self.counted[heard[0].name] += 1
        return heard[0]

    async def take(self, endpoint: int) -> tuple[Pid, bytes] | None:
        """Ask for data, and acknowledge it; return what came, or None if nothing was heard."""
        await self._token(Pid.IN, endpoint)
        heard = await self._hear()
        if heard is None:
            return None
        if heard[0] == Pid.ACK or len(heard[1]) > PACKET_BYTES:
            raise UsbError(f"{heard[0].name} of {len(heard[1])} bytes in answer to IN")
        if heard[0] in DATA:
            await self.idle(self._random.uniform(2, 6))
            await self._send(encode(Pid.ACK))
            await self.idle(2)
        else:
            self.counted[heard[0].name] += 1
        return heard

    # -- control ------------------------------------------------------------------------------------------------------

    async def control(self, setup: Setup, data: bytes = b"") -> bytes | None:
        """Make a request on endpoint 0 (8.5.3); return what it gives, or None if it is refused by STALL."""
        for _ in range(ATTEMPTS):
            if await self.give(Pid.SETUP, 0, Pid.DATA0, setup.pack()) == Pid.ACK:
                break
        else:
            raise UsbError("SETUP is not acknowledged")
        reads, toggle, came = bool(setup.kind & 0x80), 1, b""
        if setup.length and reads:
            while True:
                heard = await self._taken(0, toggle)
                if heard is None:
                    return None
                came, toggle = came + heard, 1 - toggle
                if len(heard) < PACKET_BYTES or len(came) >= setup.length:
                    break
            if len(came) > setup.length:
                raise UsbError(f"{len(came)} bytes where {setup.length} were asked for")
        elif setup.length and not await self._given(0, 1, data):
            return None
        # The status stage goes the other way.
        if setup.length and reads:
            return came if await self._given(0, 1, b"") else None
        heard = await self._taken(0, 1)
        if heard:
            raise UsbError(f"a status stage of {len(heard)} bytes")
        return None if heard is None else b""

    async def _taken(self, endpoint: int, toggle: int) -> bytes | None:
        """Ask for a packet until it comes; what comes twice is dropped; None for STALL."""
        for _ in range(ATTEMPTS):
            heard = await self.take(endpoint)
            if heard is not None and heard[0] == Pid.STALL:
                return None
            if heard is not None and heard[0] in DATA:
                if heard[0] == DATA[toggle]:
                    return heard[1]
                self.counted["twice"] += 1
        raise UsbError("no data comes")

    async def _given(self, endpoint: int, toggle: int, data: bytes) -> bool:
        """Send a packet until it is acknowledged; False for STALL."""
        for _ in range(ATTEMPTS):
            answer = await self.give(Pid.OUT, endpoint, DATA[toggle], data)
            if answer in (Pid.ACK, Pid.STALL):
                return answer == Pid.ACK
        raise UsbError("data is not acknowledged")

    # -- bulk ---------------------------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> None:
        """Send bytes on the data endpoint; return when they are acknowledged."""
        for start in range(0, len(data), PACKET_BYTES):
            done = Event()
            self._out.append((data[start : start + PACKET_BYTES], done))
        if data:
            await done.wait()

    async def request(self, setup: Setup, data: bytes = b"") -> bytes | None:
        """Make a request as `control` does, while the host serves the data endpoints."""
        found: list[bytes | None] = []
        done = Event()
        self._asked.append((setup, data, found, done))
        await done.wait()
        return found[0]

    def vanish(self) -> None:
        """Drive the line no more, wherever a packet is, and forget what is to be sent; `serve` has to be ended."""
        self._dut.put(drive=0)
        self._out.clear()

    async def serve(self, out: int, in_: int) -> None:
        """Send what there is to send, and poll the device, for ever."""
        while True:
            await self.serve_once(out, in_)

    async def serve_once(self, out: int, in_: int) -> None:
        """Make one transaction: of either direction, as it happens, where there is something to send."""
        if self._asked:
            setup, content, found, done = self._asked.popleft()
            found.append(await self.control(setup, content))
            done.set()
        elif self._out and (self._random.randrange(2) or not self.polls):
            data, done = self._out[0]
            if await self.give(Pid.OUT, out, DATA[self._toggle_out], data) == Pid.ACK:
                self._toggle_out ^= 1
                self.counted["bytes out"] += len(data)
                self._out.popleft()
                done.set()
        elif self.polls:
            heard = await self.take(in_)
            if heard is not None and heard[0] in DATA:
                if heard[0] == DATA[self._toggle_in]:
                    self._toggle_in ^= 1
                    self.counted["bytes in"] += len(heard[1])
                    self.received += heard[1]
                    self.came.set()
                else:
                    self.counted["twice"] += 1
            elif not self._out:
                await self.idle(self.gap)
        else:
            await self.idle(self.gap)

    def restart_data(self, out: bool = True, in_: bool = True) -> None:
        """Begin the data endpoints anew, or one of them, as a configuration that is set does."""
        if out:
            self._toggle_out = 0
        if in_:
            self._toggle_in = 0

    def goes_on(self, out: bool) -> bool:
        """Whether the next packet of a data endpoint is a DATA1."""
        return bool(self._toggle_out if out else self._toggle_in)


def descriptors_of(content: bytes) -> Iterator[bytes]:
    """Give the descriptors of a configuration, one after the other (9.5)."""
    while content:
        if not 2 <= content[0] <= len(content):
            raise UsbError(f"a descriptor of {content[0]} bytes, where {len(content)} are left")
        yield content[: content[0]]
        content = content[content[0] :]
