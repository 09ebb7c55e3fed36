"""Benches of `backspike.hdl.link.cobs`: frames of all lengths and contents, against the algorithm as published."""

from __future__ import annotations

from backspike.hdl.link.transport import Token

from .bench import Bench

BLOCK = 254


class CobsBench(Bench):
    """The job has ``unit``, ``"decoder"`` or ``"encoder"``, and ``most``, bytes of a frame."""

    async def run(self) -> None:
        """Send frames of all kinds through the unit."""
        if self.job["unit"] == "decoder":
            # The first one after the reset, and none but it.
            await self.decode(stuffed(b"first\0frame"), b"first\0frame", False, zeros=0)
        lengths = [1, 2, 253, 254, 255, 508, 509, *(self.random.randint(1, 300) for _ in range(6))]
        for length in lengths:
            few = self.random.choice([1, 2, 256])
            content = bytes(self.random.randrange(few) for _ in range(min(length, self.job["most"])))
            if self.job["unit"] == "encoder":
                await self.encode(content)
            else:
                await self.decode(stuffed(content), content, False)
        # Blocks that are full, and nearly.
        for length, rest in ((253, b"\0ab"), (254, b""), (254, b"\0a"), (255, b"")):
            content = bytes(self.random.randint(1, 255) for _ in range(length)) + rest
            if self.job["unit"] == "decoder":
                await self.decode(stuffed(content), content, False)
            elif self.job["most"] > length:
                await self.encode(content)
        if self.job["unit"] == "decoder":
            # Frames that end inside a block, or are any bytes that come.
            for _ in range(40):
                line = bytes(self.random.randint(1, self.random.choice([9, 255])) for _ in range(40))
                await self.decode(line, *unstuffed(line))

    async def decode(self, line: bytes, content: bytes, broken: bool, zeros: int | None = None) -> None:
        """Decode one frame, with gaps, after any number of zeros."""
        unit, got = self.unit, bytearray()
        for byte in b"\0" * (self.random.randrange(3) if zeros is None else zeros):
            unit.put(i__valid=1, i__payload=byte)
            await unit.edge
            assert not unit.get("o__valid"), "a frame without a byte has ended"
        for byte in line + b"\0":
            while self.one_in(3):
                unit.put(i__valid=0, i__payload=self.random.randrange(256))
                await unit.edge
                assert not unit.get("o__valid")
            unit.put(i__valid=1, i__payload=byte)
            await unit.edge
            assert unit.get("o__valid")
            token = unit.get("o__payload")
            kind = Token(token["kind"])
            assert (kind in (Token.BYTE, Token.FRAMING)) == (byte > 0), f"{kind} of byte {byte}"
            if kind == Token.BYTE:
                got.append(token["byte"])
        ended = Token.BROKEN if broken else Token.END
        assert (bytes(got), kind) == (content, ended), f"of {line.hex()} came {got.hex()} and {kind}"
        unit.put(i__valid=0)

    async def encode(self, content: bytes) -> None:
        """Encode one frame from a memory, with bytes taken at random times."""
        unit, got, done = self.unit, bytearray(), False
        unit.put(answer__start=1, answer__length=len(content), o__ready=0)
        await unit.edge
        unit.put(answer__start=0)
        address = unit.get("answer__address")
        for _ in range(20 * len(content) + 100):
            ready = self.random.getrandbits(1)
            # What a memory's port gives where nothing is stored is anything.
            data = content[address] if address < len(content) else self.random.randrange(256)
            unit.put(answer__data=data, o__ready=ready)
            await unit.edge
            address = unit.get("answer__address")
            if unit.get("o__valid") and ready:
                got.append(unit.get("o__payload"))
            done = bool(unit.get("answer__done"))
            if done:
                break
        wanted = stuffed(content) + b"\0"
        assert done, f"{content.hex()} has no end"
        assert bytes(got) == wanted, f"{content.hex()}: expected {wanted.hex()}, got {got.hex()}"


def stuffed(content: bytes) -> bytes:
    """Encode as Cheshire and Baker (1999) do, but for the 0 at the end; no empty block after a full one."""
    line = bytearray()
    *inner, last = content.split(b"\0")
    for part in inner:
        # A full block says nothing of a 0: an empty one does.
        for start in range(0, len(part) + 1, BLOCK):
            line += bytes((len(part[start : start + BLOCK]) + 1,)) + part[start : start + BLOCK]
    for start in range(0, max(1, len(last)), BLOCK):
        line += bytes((len(last[start : start + BLOCK]) + 1,)) + last[start : start + BLOCK]
    return bytes(line)


def unstuffed(line: bytes) -> tuple[bytes, bool]:
    """Return what is in the bytes before a 0, and whether they end inside a block."""
    content, place = bytearray(), 0
    while place < len(line):
        code = line[place]
        content += line[place + 1 : place + code]
        place += code
        if place < len(line) and code <= BLOCK:
            content.append(0)
    return bytes(content), place > len(line)
