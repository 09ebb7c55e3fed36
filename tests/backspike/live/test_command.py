"""`backspike live`: what begins with which options, what is refused, and how it ends."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS, Model, NetworkConfig
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.live import server
from backspike.live.network import LiveNetwork
from backspike.live.session import LiveSession
from backspike.model import Network
from backspike.sim.board import SimulatedBoard
from backspike.training.checkpoint import Checkpoint

from .test_server import serving

CONFIG = NetworkConfig(name="slight", layers=(64, 5, 10), ticks=4)
DATA = load_dataset("digits", CONFIG, CONFIG.seed)


@pytest.fixture(autouse=True)
def browser(monkeypatch) -> list[str]:
    """Return the addresses that a browser is asked to open."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":7")
    return opened


@pytest.fixture
def teach(monkeypatch) -> Callable[..., tuple[int, list[LiveSession]]]:
    """Return a function that runs the command until it would serve, has something done then, and presses Ctrl-C."""

    def run(*arguments: str, hand: Callable[[LiveSession], object] = lambda _: None) -> tuple[int, list[LiveSession]]:
        sessions: list[LiveSession] = []

        class Server:
            url = "http://127.0.0.1:1/token/"
            url_once = "http://127.0.0.1:1/once"

            def __init__(self, session: LiveSession, port: int) -> None:
                sessions.append(session)
                assert port == 0

            async def serve(self) -> None:
                hand(sessions[0])
                raise KeyboardInterrupt

        monkeypatch.setattr(server, "LiveServer", Server)
        return main(["live", *arguments]), sessions

    return run


@pytest.fixture
def toml(tmp_path) -> str:
    CONFIG.save(tmp_path / "small.toml")
    return str(tmp_path / "small.toml")


@pytest.fixture
def checkpoint(tmp_path) -> str:
    path = tmp_path / "checkpoint.npz"
    Model(CONFIG, seed=3).fit(DATA.train_values[:50], DATA.train_labels[:50], epochs=2).save(path)
    return str(path)


def same(network: Network, other: Network) -> bool:
    """Whether weights and LFSRs are the same."""
    return all(map(np.array_equal, network.weights, other.weights)) and np.array_equal(
        network.output.random, other.output.random
    )


def test_without_options_it_has_digits_and_two_spare_units(teach, capfd, browser) -> None:
    status, [session] = teach()
    assert status == 130
    assert same(session.live.network, Network(PRESETS["digits"].replace(layers=(64, 32, 12))))
    state = session.state()
    assert state["names"] == [*map(str, range(10)), None, None]
    assert state["dataset"]["name"] == "digits"
    assert state["where"] == "the golden model"
    assert 0 < state["before"] < 0.3
    told = capfd.readouterr()
    assert told.out == "digits, 64-32-12, on the golden model\nhttp://127.0.0.1:1/token/\nCtrl-C ends it.\n"
    assert told.err.splitlines()[-1] == "error: interrupted; finished files are whole, others were not written"
    for thread in threading.enumerate():
        if thread.name.startswith("Thread") and thread.daemon:
            thread.join()
    assert browser == ["http://127.0.0.1:1/once"]


def test_a_checkpoint_goes_on_as_it_is(teach, checkpoint, browser) -> None:
    status, [session] = teach("--checkpoint", checkpoint, "--no-browser")
    assert status == 130
    trained = Checkpoint.load(Path(checkpoint))
    assert same(session.live.network, trained.network())
    assert session.live.network.rates == trained.rates
    assert session.state()["names"] == [*map(str, range(10))]
    assert session.state()["dataset"] is None
    assert browser == []
    _, [session] = teach("--checkpoint", checkpoint, "--dataset", "digits", "--samples", "9", "--seed", "5")
    assert same(session.live.network, trained.network(5))
    assert session.state()["dataset"] == {"name": "digits", "train": 1437, "position": 0, "epoch": 2, "atOnce": 256}
    # The split of its training, not of the seed that is given.
    split = load_dataset("digits", CONFIG, 3)
    assert np.array_equal(session._dataset.test_values, split.test_values)


def test_what_was_taught_is_saved_and_found_again(teach, checkpoint, tmp_path, zero, capfd) -> None:
    out = str(tmp_path / "taught.npz")

    def hand(session: LiveSession) -> None:
        session.name("\u2665")
        session.learn(zero, 10)
        session.save()

    _, [first] = teach("--checkpoint", checkpoint, "--spare", "2", "--out", out, hand=hand)
    assert capfd.readouterr().err.endswith("error: interrupted; finished files are whole, others were not written\n")
    assert first.live.config.layers == (64, 5, 12)
    status, _ = teach("--checkpoint", out, "--out", out)
    assert status == 2
    assert capfd.readouterr().err == f"error: there is a file {out}: --out takes another name, --force overwrites it\n"
    _, [second] = teach(
        "--checkpoint",
        out,
        "--dataset",
        "digits",
        "--out",
        out,
        "--force",
        hand=lambda session: session.learn(zero, 10),
    )
    assert second.state()["names"] == [*map(str, range(10)), "\u2665", None]
    assert capfd.readouterr().err.endswith("error: interrupted; what it has learned since was not saved\n")
    _, [third] = teach("--checkpoint", out, "--spare", "1")
    assert third.state()["names"] == [*map(str, range(10)), "\u2665", None, None]


def test_a_network_that_knows_nothing_has_no_names(teach, toml) -> None:
    _, [session] = teach("--config", toml, "--spare", "0", "--seed", "9")
    assert same(session.live.network, Network(CONFIG.replace(seed=9)))
    assert session.state()["names"] == 10 * [None]
    _, [session] = teach("--config", "tiny", "--image", "2x4", "--spare", "0")
    assert session.state()["image"] == [2, 4]


@pytest.mark.parametrize("seed", [[], ["--seed", "5"]])
def test_a_simulated_board_is_taught(seed, teach, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("backspike.sim.board.SimulatedBoard", partial(SimulatedBoard, optimise=False))
    tiny = PRESETS["tiny"]
    data = load_dataset("random", tiny, 1)
    trained = str(tmp_path / "tiny.npz")
    Model(tiny, epochs=1).fit(data.train_values[:9], data.train_labels[:9]).save(trained)

    def hand(session: LiveSession) -> None:
        assert not session.live.lost
        for values, label in zip(data.train_values[2:5], data.train_labels[2:5], strict=True):
            session.live.learn(values, int(label))
        session.save()

    out = tmp_path / "taught.npz"
    arguments = ["--simulate", "--checkpoint", trained, "--image", "2x4", "--out", str(out)]
    status, [session] = teach(*arguments, *seed, hand=hand)
    assert status == 130
    assert session.state()["where"] == "a simulated board"
    network = Checkpoint.load(Path(trained)).network(5 if seed else 1)
    network.run_samples(data.train_values, data.train_labels, np.arange(2, 5), True)
    assert same(network, Checkpoint.load(out).network())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "/dev/null", "--simulate"], "either --port or --simulate says where the device is"),
        (["--port", "/dev/null"], "--port needs --config, that of the build"),
        (["--baud", "9600"], "--baud needs --port"),
        (["--baud", "9600", "--simulate"], "--baud needs --port"),
        (["--usb", "--simulate"], "--usb needs --port"),
        (["--board", "icebreaker"], "--board needs --port or --simulate"),
        (
            ["--board", "icebreaker", "--simulate", "--checkpoint", "none.npz"],
            "--board needs --config: what a board has",
        ),
        (["--spare", "0", "--samples", "361"], "--samples must be at most 360, as many as are tested, not 361"),
        (
            ["--config", "digits", "--port", "/dev/null", "--spare", "1"],
            "a board has the output units that it was built",
        ),
        (["--config", "digits", "--samples", "3"], "--samples needs --dataset"),
        (["--config", "digits", "--data-dir", "."], "--data-dir needs --dataset"),
        (["--config", "digits", "--dataset-setting", "a=1"], "--dataset-setting needs --dataset"),
        (
            ["--config", "tiny"],
            "the 8 inputs of network tiny are no square; --image HEIGHTxWIDTH says what image they are",
        ),
        (["--image", "8"], "an image's size must be HEIGHTxWIDTH, such as 28x28, not '8'"),
        (["--image", "9x9"], "an image of 9x9 does not divide the 64 inputs of the network"),
        (["--image", "4x8"], "the 64 inputs of network digits are no square; --image HEIGHTxWIDTH says what image"),
        (["--config", "none"], "'none' is neither a preset"),
        (["--checkpoint", "none.npz"], "cannot read checkpoint none.npz: No such file or directory"),
        (["--config", "mnist-ecp5", "--dataset", "digits"], "dataset digits has samples of shape (64,) in 10 classes"),
        (["--out", "."], "--out must be a file to be written, and . is a folder"),
        (["--out", "/"], "--out must be a file to be written, and / is a folder"),
        (["--spare", "20000"], "Invalid value for '--spare'"),
        (["--http-port", "0"], "Invalid value for '--http-port'"),
        (["--config", "digits", "--port", "/dev/nothing"], "cannot open serial port /dev/nothing"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments, sentence, capfd) -> None:
    assert main(["live", "--no-browser", *arguments]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith(f"error: {sentence}")
    assert not any("Traceback" in line for line in lines)


def test_recorded_spikes_cannot_be_drawn(tmp_path, capfd) -> None:
    CONFIG.replace(input="spikes").save(tmp_path / "spikes.toml")
    assert main(["live", "--config", str(tmp_path / "spikes.toml")]) == 2
    assert capfd.readouterr().err.endswith("network slight takes recorded spikes, which cannot be drawn\n")


def test_ctrl_c_ends_it(toml) -> None:
    """A process of its own: its page is served, and after Ctrl-C its port is free."""
    command = [sys.executable, "-m", "backspike", "live", "--no-browser", "--config", toml, "--spare", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(3)]
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/[\w-]{32}/)\n", lines[1])
    assert found
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]))
    connection.request("POST", f"{found[2]}state", "{}", {"Content-Type": "application/json"})
    assert json.loads(connection.getresponse().read())["state"]["network"] == "slight"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    connection.close()
    assert process.returncode == 130
    assert error.splitlines()[-1] == "error: interrupted; finished files are whole, others were not written"
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", int(found[1])).connect()


def test_a_port_in_use_is_one_sentence(toml, capfd) -> None:
    session = LiveSession(LiveNetwork(Network(CONFIG)), "a test", (8, 8), 10 * [None])
    busy = server.LiveServer(session)
    with serving(busy):
        assert main(["live", "--config", toml, "--http-port", str(busy.port), "--no-browser"]) == 2
    assert capfd.readouterr().err.startswith(f"error: port {busy.port} of this machine is in use; ")
