"""Boards are described as they are, and change no result."""

from __future__ import annotations

import os
import re
import sys

import pytest
from amaranth.sim import Simulator

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.fpga.boards import BOARDS, SDRAM, USB, find_board
from backspike.fpga.link.frames import Frame
from backspike.hdl.link.transport import Token, pins
from backspike.hdl.link.uart import LEAST_DIVISOR
from backspike.link import Request


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_changes_no_result(name):
    for preset, config in PRESETS.items():
        assert BOARDS[name].load_config(preset).checkpoint_hash == config.checkpoint_hash


def test_a_preset_fits_the_board():
    config = BOARDS["icebreaker"].load_config("digits")
    assert (config.lanes, config.unit_lanes, config.input_lanes) == ((2, 2), (1,), 1)
    assert BOARDS["ulx3s-85f"].load_config("digits") == PRESETS["digits"]
    for board in BOARDS.values():
        assert board.presets.keys() <= PRESETS.keys()


@pytest.mark.parametrize("name", BOARDS)
def test_both_ends_of_the_link_speak_the_same(name):
    """What the host sends to a port comes out of the transport of the board's design as the frame's bytes."""
    board, frame = BOARDS[name], Frame(7, Request.READ, bytes((0, 1)))
    master, slave = os.openpty()
    with board.open_transport(os.ttyname(slave), board.baud) as transport:
        transport.send(frame)
        line = os.read(master, 100)
    os.close(slave)
    os.close(master)
    assert received(board.transport(LEAST_DIVISOR), line) == frame.pack()


def received(transport, line: bytes) -> bytes:
    """Return the bytes of the frame that a design's transport finds on its line."""
    found = bytearray()

    async def send(ctx) -> None:
        for byte in line:
            for level in (0, *(byte >> bit & 1 for bit in range(8)), 1):
                ctx.set(transport.rx, level)
                await ctx.tick().repeat(LEAST_DIVISOR)
        await ctx.tick().repeat(LEAST_DIVISOR)
        assert ended

    ended: list[int] = []

    async def hear(ctx) -> None:
        while True:
            _, _, valid, token = await ctx.tick().sample(transport.received.valid, transport.received.payload)
            if valid and token.kind == Token.BYTE:
                found.append(token.byte)
            elif valid and token.kind == Token.END:
                ended.append(len(found))

    simulator = Simulator(transport)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send)
    simulator.add_testbench(hear, background=True)
    simulator.run()
    return bytes(found)


@pytest.mark.parametrize("name", BOARDS)
def test_a_device_is_called_as_its_platform_calls_it(name):
    board = BOARDS[name]
    platform = board.platform()
    assert board.device == (getattr(platform, "device", "") or platform.family)
    if board.family.area:
        assert board.capacity.logic_cells > 0
    assert board.family.place_and_route_arguments(platform)


@pytest.mark.parametrize("name", BOARDS)
def test_a_file_is_taken_as_it_is_whatever_its_name(name, tmp_path):
    """The name of a preset in a file is a name, and no more; so is the name of the file."""
    for preset, config in PRESETS.items():
        mine = config.replace(layers=(8, 6, 4), lanes=(3, 2), unit_lanes=(), rates=(), dropout=())
        for path in (tmp_path / "mine.toml", tmp_path / f"{preset}.toml"):
            mine.save(path)
            assert BOARDS[name].load_config(str(path)) == mine
            config.save(path)
            assert BOARDS[name].load_config(str(path)) == config


@pytest.mark.parametrize(("preset", "board"), [("digits", "icebreaker"), ("digits", "ulx3s-85f"), ("tiny", "hx8k")])
def test_build_and_host_mean_the_same(preset, board, tmp_path, monkeypatch):
    meant = []

    def stop(config):
        meant.append(config)
        raise BackspikeError("far enough")

    monkeypatch.setattr("backspike.fpga.build.build", lambda name, config, *_, **__: stop(config))
    monkeypatch.setattr("backspike.commands.host.connect", lambda config, *_: stop(config))
    assert main(["build", "--board", board, "--config", preset, "--out", str(tmp_path)]) == 2
    assert main(["host", "identify", "--board", board, "--config", preset, "--port", "/dev/null"]) == 2
    meant[0].save(tmp_path / "config.toml")
    for more in ([], ["--board", board]):
        assert main(["host", "identify", "--config", str(tmp_path / "config.toml"), "--port", "/dev/null", *more]) == 2
    assert [config.hash for config in meant] == 4 * [BOARDS[board].load_config(preset).hash]


def test_an_unknown_board_of_a_host_is_one_sentence(capsys):
    assert main(["host", "identify", "--board", "none", "--config", "tiny", "--port", "/dev/null"]) == 2
    assert capsys.readouterr().err.startswith("error: board must be one of icebreaker, ")


@pytest.mark.parametrize("name", BOARDS)
def test_clock_and_line_can_be_made(name):
    board = BOARDS[name]
    pll, divisor = board.timing(board.clock, board.baud)
    assert 0.9 * board.clock < pll.frequency <= board.clock
    # A byte has 10 bits, and each is looked at in its middle.
    assert divisor >= 4
    assert abs(pll.frequency * 1e6 / divisor / board.baud - 1) < 0.02


@pytest.mark.parametrize(
    ("clock", "baud", "divisor"), [(60, 3_000_000, 20), (60, 12_000_000, 5), (60, 15_000_000, 4), (60, 115_200, 521)]
)
def test_a_line_takes_whole_clocks_a_bit(clock, baud, divisor):
    board = BOARDS["ulx3s-85f"]
    assert board.timing(clock, baud)[1] == divisor
    assert board.has_timing(clock, baud)


@pytest.mark.parametrize(("baud", "ratio"), [(16_000_000, "3.75"), (20_000_000, "3.00"), (13_000_000, "4.62")])
def test_a_line_that_cannot_be_made_is_one_sentence(baud, ratio):
    board = BOARDS["ulx3s-85f"]
    sentence = (
        rf"^the line cannot have {baud:,} bits per second at 60.0 MHz: a bit would take {ratio} cycles, and has to "
        r"take a whole number, at least 4, within 2%$"
    )
    with pytest.raises(BackspikeError, match=sentence):
        board.timing(60, baud)
    assert not board.has_timing(60, baud)


@pytest.mark.parametrize("name", BOARDS)
def test_a_usb_port_is_there_or_one_sentence(name):
    board = BOARDS[name]
    if name.startswith("ulx3s"):
        assert board.timing(60, USB) == (board.timing(60, 1_000_000)[0], None)
        assert {part.name for part in board.platform().lookup("usb", 0).ios} >= set(pins(board.make_transport(None)))
    else:
        sentence = (
            f"^{re.escape(board.title)} has no USB port that is wired to the device itself; boards that have one: "
        )
        with pytest.raises(BackspikeError, match=sentence):
            board.timing(board.clock, USB)


def test_luna_that_is_missing_is_one_sentence(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("luna", "backspike.hdl.link.usb"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "luna", None)
    with pytest.raises(BackspikeError, match=r"^luna-usb is missing; install it with: pip install backspike\[usb\]$"):
        BOARDS["ulx3s-12f"].make_transport(None)


def test_a_sample_memory_is_what_was_asked_for():
    board = BOARDS["ulx3s-85f"]
    assert board.sample_memory(None, 60) is None
    for kind, bits in ((12, 12), (SDRAM, 24)):
        port = board.sample_memory(kind, 60).memory
        assert len(port.burst.p.address) == bits
    plain, _ = board.timing(60, 1_000_000)
    later, _ = board.timing(60, 1_000_000, SDRAM)
    assert plain.delay is None
    assert later.delay == pytest.approx(3.58, abs=0.11)
    assert later.parameters.items() >= plain.parameters.items()
    assert board.timing(60, 1_000_000, 12)[0] == plain
    assert board.has_timing(72, 3_000_000, SDRAM)
    assert not board.has_timing(75, 3_000_000, SDRAM)
    assert board.has_timing(75, 3_000_000, 12)


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if board.sdram is None])
def test_a_board_without_sdram_is_one_sentence(name):
    board = BOARDS[name]
    sentence = f"^{re.escape(board.title)} has no SDRAM that is known here; a sample memory can be made of the device's"
    for ask in (board.timing, board.sample_memory):
        with pytest.raises(BackspikeError, match=sentence):
            ask(*((board.clock, board.baud, SDRAM) if ask == board.timing else (SDRAM, board.clock)))


@pytest.mark.parametrize("kib", ["0", "3", "65536", "1.5", "x", ""])
def test_a_size_that_no_sample_memory_has_is_one_sentence(kib, tmp_path, capsys):
    given = [
        "build",
        "--board",
        "ulx3s-12f",
        "--config",
        "tiny",
        "--out",
        str(tmp_path / "out"),
        "--sample-memory",
        kib,
    ]
    assert main(given) == 2
    assert f"{kib!r} must be a power of two from 1 to 32768." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("given", "kind"), [([], None), (["--sample-memory"], SDRAM), (["--sample-memory", "64"], 15)])
def test_a_build_gets_the_sample_memory_of_the_command_line(given, kind, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("backspike.fpga.build.build", lambda *_, **options: asked.append(options["sample_memory"]))
    assert main(["build", "--board", "ulx3s-12f", "--config", "tiny", *given, "--out", str(tmp_path)]) == 0
    assert asked == [kind]


def test_an_unknown_board_is_one_sentence():
    with pytest.raises(BackspikeError, match=r"^board must be one of icebreaker, hx8k, .*, not 'nonsense'$"):
        find_board("nonsense")


@pytest.mark.parametrize(("name", "clock", "baud"), [("icebreaker", 24, 3_000_000), ("icebreaker", 20, 1_000_000)])
def test_a_line_that_nobody_chose_is_one_that_the_clock_can_make(name, clock, baud):
    assert BOARDS[name].usual_baud(clock) == baud
    assert BOARDS[name].has_timing(clock, baud)


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_can_make_its_line(name):
    board = BOARDS[name]
    assert board.usual_baud(board.clock) == board.baud
