"""The benches of test_gates.py for the models of cells."""

from __future__ import annotations

import random

import cocotb
from cocotb.triggers import ReadOnly, Timer

from backspike.sim.runner import parameters, save_results


class BlockRam:
    """The memory in the vendor's terms: 16,384 data bits, and a parity bit for each eight of them.

    A port of width 1, 2 or 4 sees data alone; the wider ones see bytes, each with its parity bit at the top.
    """

    def __init__(self, words: list[int]) -> None:
        self.data, self.parity = [0] * 16_384, [0] * 2_048
        for byte in range(2_048):
            content = words[byte // 2] >> 9 * (byte % 2)
            self.data[8 * byte : 8 * byte + 8] = [content >> bit & 1 for bit in range(8)]
            self.parity[byte] = content >> 8 & 1

    def places(self, width: int, address: int) -> list[tuple[list[int], int]]:
        """Return the bits that a port of a width sees at an address, from the lowest up."""
        if width < 9:
            start = address // width * width
            return [(self.data, start + bit) for bit in range(width)]
        count = width // 9
        first = address // (8 * count) * count
        return [
            place
            for byte in range(first, first + count)
            for place in [*((self.data, 8 * byte + bit) for bit in range(8)), (self.parity, byte)]
        ]

    def written(self, width: int, address: int) -> list[tuple[list[int], int] | None]:
        """Return what `places` does, with None where the byte enables in the address forbid a write."""
        places = self.places(width, address)
        if width < 18:
            return list(places)
        return [place if address >> bit // 9 & 1 else None for bit, place in enumerate(places)]


@cocotb.test()
async def both_ports(dut):
    """Random accesses of both ports, in few enough places that they meet."""
    job = parameters()
    generator, ram = random.Random(job["seed"]), BlockRam(job["words"].tolist())
    widths, modes = job["widths"], job["modes"]
    shown, met = [0, 0], 0
    dut.clk.value = 0
    for clock in range(job["clocks"]):
        ports = []
        for port in range(2):
            enable, write, reset = generator.random() < 0.8, generator.random() < 0.4, generator.random() < 0.05
            address = generator.choice((0, 512, 16_352)) + generator.randrange(32)
            # What both write at once is open; a port of 36 that writes takes the data pins of both.
            if port and (widths[0] == 36 or (ports[0][1] and ports[0][3] // 32 == address // 32)):
                write = False
            ports.append((enable, write, reset, address, generator.getrandbits(widths[port])))
        for name, (enable, write, reset, address, value) in zip("ab", ports, strict=True):
            for pin, level in (("enable", enable), ("write", write), ("reset", reset), ("address", address)):
                getattr(dut, f"{pin}_{name}").value = int(level)
            getattr(dut, f"data_{name}").value = value & 0x3FFFF
        if widths[0] == 36:
            dut.data_b.value = ports[0][4] >> 18
        contents = []
        for port, (enable, write, reset, address, value) in enumerate(ports):
            width = widths[port]
            writes = enable and write and not (reset and job["reset"] == "SYNC")
            places = ram.written(width, address) if writes else []
            contents.append({(id(p[0]), p[1]): (p, value >> bit & 1) for bit, p in enumerate(places) if p is not None})
        # The outputs, from what was there before this clock.
        for port, (enable, write, reset, address, _) in enumerate(ports):
            own, others = contents[port], contents[1 - port]
            if reset:
                shown[port] = 0
            elif enable and not (write and modes[port] == "NORMAL"):
                shown[port] = 0
                for bit, (store, place) in enumerate(ram.places(widths[port], address)):
                    key, level = (id(store), place), store[place]
                    if modes[port] == "WRITETHROUGH" and key in own:
                        level = own[key][1]
                    if key in others:
                        level, met = 1 - level, met + 1
                    shown[port] |= level << bit
        for content in contents:
            for (store, place), level in content.values():
                store[place] = level
        await Timer(5, "ns")
        dut.clk.value = 1
        await ReadOnly()
        expected = [shown[1] & 0x3FFFF, shown[1] >> 18] if widths[1] == 36 else shown
        for name, wanted in zip("ab", expected, strict=True):
            if not (name == "a" and widths[0] == 36 and widths[1] != 36):
                got = getattr(dut, f"output_{name}").value
                assert got.is_resolvable, f"clock {clock}, port {name}: {got}"
                assert got.to_unsigned() == wanted, f"clock {clock}, port {name}: {got.to_unsigned()}, not {wanted}"
        await Timer(5, "ns")
        dut.clk.value = 0
    save_results(met=met)


@cocotb.test()
async def product(dut):
    """Random factors and extreme ones, signed and not."""
    generator = random.Random(parameters()["seed"])
    for _ in range(500):
        factors, wanted = [], 1
        for name in "ab":
            signed, bits = generator.getrandbits(1), generator.choice((0, 1, 0x1FFFF, 0x20000, 0x3FFFF, -1))
            bits = generator.getrandbits(18) if bits < 0 else bits
            getattr(dut, name).value = bits
            getattr(dut, f"signed_{name}").value = signed
            factors.append((bits, signed))
            wanted *= bits - (bits >> 17 << 18) * signed
        await Timer(5, "ns")
        got = dut.product.value.to_unsigned()
        assert got == wanted % 2**36, f"{factors}: {got}, not {wanted % 2**36}"
