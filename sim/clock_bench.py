"""A bench that runs Python in every clock, as benches usually do: what the native simulation is measured against.

Its parameters are ``ports`` (of the Verilog's description), ``values``, ``labels`` and ``config``; it shows the samples
to a network that learns from weights of zero, and saves the clocks that passed and the seconds that they took.
"""

from __future__ import annotations

import time
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from backspike.config import NetworkConfig
from backspike.hdl.timing import sample_limit
from backspike.model import Sample

from .host import sample_entries
from .layout import Layout
from .patience import WAIT_CLOCKS
from .runner import parameters, save_results
from .streams import start_clock


@cocotb.test()
async def clock_by_clock(dut: Any) -> None:
    """Offer an entry and look for a result in every clock."""
    job = parameters()
    config = NetworkConfig.from_dict(job["config"])
    layout = Layout(job["ports"]["samples__payload"])
    samples = [Sample(values, int(label), True) for values, label in zip(job["values"], job["labels"], strict=True)]
    entries = [layout.pack(entry) for sample in samples for entry in sample_entries(config, sample)]
    for stream in ("samples", "requests"):
        getattr(dut, f"{stream}__valid").value = 0
        getattr(dut, f"{stream}__payload").value = 0
    dut.results__ready.value = 1
    dut.responses__ready.value = 1
    edge = RisingEdge(dut.clk)
    await start_clock(dut, limit=len(samples) * sample_limit(config) + WAIT_CLOCKS)
    start, clocks, sent, results = time.perf_counter(), 0, 0, 0
    while results < len(samples):
        dut.samples__valid.value = int(sent < len(entries))
        dut.samples__payload.value = entries[min(sent, len(entries) - 1)]
        await edge
        clocks += 1
        sent += int(dut.samples__ready.value) if sent < len(entries) else 0
        results += int(dut.results__valid.value)
    save_results(clocks=clocks, seconds=time.perf_counter() - start, results=np.array(results))
