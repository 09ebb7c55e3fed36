"""The benches that test_runner.py and test_streams.py start."""

import os
import random
import signal

import cocotb
import numpy as np
from cocotb.simtime import get_sim_time
from cocotb.triggers import Event

from backspike.sim.runner import parameters, save_results
from backspike.sim.streams import CLOCK_PERIOD, Scoreboard, StreamDriver, StreamMonitor, clocks, start_clock


@cocotb.test()
async def accumulate(dut):
    """Random commands, each sum compared, and the memory and the submodule looked at after."""
    job = parameters()
    generator = random.Random(job["seed"])
    driver = StreamDriver(dut, "i", job["ports"], stalls=job["stalls"], generator=generator)
    monitor = StreamMonitor(dut, "o", job["ports"], stalls=job["stalls"], generator=generator)
    board = Scoreboard(monitor)
    words = list(range(16))
    for address, value in job["commands"].tolist():
        words[address] += value
        board.expect(words[address] + job.get("lie_by", 0))
    await start_clock(dut)
    start = get_sim_time("ns")

    async def send():
        for address, value in job["commands"].tolist():
            await driver.send({"address": address, "value": value})

    cocotb.start_soon(send())
    compared = await board.check(quiet=50)
    save_results(
        compared=compared,
        clocks=(get_sim_time("ns") - start) / CLOCK_PERIOD - 50,
        expected=np.array(words),
        words=np.array([dut.words[address].value.to_signed() for address in range(16)]),
        count=dut.counter.count.value.to_unsigned(),
    )


@cocotb.test()
async def forget_one(dut):
    """Sends two values and expects one."""
    job = parameters()
    driver, monitor = StreamDriver(dut, "i", job["ports"]), StreamMonitor(dut, "o", job["ports"])
    board = Scoreboard(monitor)
    board.expect(4)
    await start_clock(dut)
    await driver.send({"address": 1, "value": 3})
    await driver.send({"address": 1, "value": 3})
    await board.check()


@cocotb.test()
async def wait_for_nothing(dut):
    """Expects a value of a stream that has none."""
    monitor = StreamMonitor(dut, "o", parameters()["ports"])
    StreamDriver(dut, "i", parameters()["ports"])
    await start_clock(dut)
    await monitor.receive(patience=30)


@cocotb.test()
async def wait_for_room(dut):
    """Sends a value into a stream that takes none."""
    driver = StreamDriver(dut, "i", parameters()["ports"])
    StreamMonitor(dut, "o", parameters()["ports"])
    await start_clock(dut)
    await driver.send({"address": 1, "value": 3}, patience=30)


@cocotb.test()
async def wait_for_ever(dut):
    """Waits for what nobody does."""
    await start_clock(dut, limit=500)
    await Event().wait()


@cocotb.test()
async def watch(dut):
    """Watches a stream that breaks the rules."""
    monitor = StreamMonitor(dut, "o", parameters()["ports"], stalls=parameters()["stalls"])
    await start_clock(dut)
    await clocks(dut, 60)
    await monitor.finish()


@cocotb.test()
async def see(dut):
    """Finds out which signals can be seen."""
    await start_clock(dut)
    save_results(seen=[name for name in ("counter", "words", "total", "idle") if hasattr(dut, name)])


@cocotb.test()
async def fail(dut):
    """Finds something wrong."""
    await start_clock(dut)
    raise ValueError("three and two make five")


@cocotb.test()
async def die(dut):
    """Takes the simulator away in the middle of the test."""
    await start_clock(dut)
    os.kill(os.getpid(), signal.SIGKILL)


@cocotb.test()
async def draw(dut):
    """Hands over a random number."""
    save_results(number=random.getrandbits(32), **parameters())
