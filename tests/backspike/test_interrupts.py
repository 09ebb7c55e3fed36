"""Ctrl-C and termination held back: heard within, let out at the end, and never lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from backspike.interrupts import Terminated, held_interrupts, raised_terminations

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STATUS = {signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    after = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


@contextmanager
def handled(number: signal.Signals, handler: object) -> Iterator[None]:
    before = signal.signal(number, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        assert signal.signal(number, before) == handler


def raise_held(*numbers: signal.Signals, error: Exception | None = None) -> None:
    """Let signals come within a block, and an error after them."""
    with held_interrupts() as interrupted:
        for number in numbers:
            signal.raise_signal(number)
        assert interrupted()
        if error:
            raise error


def status(error: BaseException) -> int:
    return 130 if isinstance(error, KeyboardInterrupt) else error.code  # type: ignore[attr-defined]


@pytest.mark.parametrize("terminations", [nullcontext, raised_terminations], ids=["default", "raised"])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_heard_and_let_out_at_the_end(number, terminations) -> None:
    heard = []

    def work() -> None:
        with held_interrupts() as interrupted:
            heard.append(interrupted())
            signal.raise_signal(number)
            heard.append(interrupted())

    with pytest.raises((KeyboardInterrupt, Terminated)) as error, terminations():
        work()
    assert heard == [False, True]
    assert status(error.value) == 128 + number


def test_where_ctrl_c_would_end_the_process_it_is_raised() -> None:
    with handled(signal.SIGINT, signal.SIG_DFL), pytest.raises(KeyboardInterrupt):
        raise_held(signal.SIGINT)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_ignored_stays_ignored(number) -> None:
    with handled(number, signal.SIG_IGN), raised_terminations(), held_interrupts() as interrupted:
        assert signal.getsignal(number) == signal.SIG_IGN
        signal.raise_signal(number)
        assert not interrupted()


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_handled_outside_python_stays_so(number, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        real = signal.getsignal
        patch.setattr(signal, "getsignal", lambda asked: None if asked == number else real(asked))
        with held_interrupts():
            assert real(number) == handlers()[number]


def handlers() -> dict[signal.Signals, object]:
    return {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(STATUS, signal.SIG_DFL)}


@pytest.mark.parametrize("number", SIGNALS)
def test_a_handler_of_ones_own_gets_it(number) -> None:
    got = []

    def note(came, frame) -> None:
        got.append(came)

    with handled(number, note):
        with held_interrupts() as interrupted:
            signal.raise_signal(number)
            assert interrupted()
            assert not got
        assert got == [number]


def test_the_first_of_several_is_let_out() -> None:
    with pytest.raises(Terminated) as error, raised_terminations():
        raise_held(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    assert status(error.value) == 143


@pytest.mark.parametrize("number", STATUS)
def test_termination_is_raised_at_once_where_nothing_is_held(number) -> None:
    with pytest.raises(Terminated) as error, raised_terminations():
        signal.raise_signal(number)
    assert status(error.value) == STATUS[number]


def test_a_program_that_does_not_know_of_it_ends_with_the_status_of_shells() -> None:
    program = (
        "import signal\n"
        "from backspike.interrupts import held_interrupts\n"
        "with held_interrupts(): signal.raise_signal(signal.SIGTERM)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (143, "")


def test_error_within_goes_before_the_interrupt() -> None:
    def work() -> None:
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        work()


def test_error_in_an_inner_block_hides_no_interrupt_from_the_outer_one() -> None:
    heard = []

    def work() -> None:
        with held_interrupts() as outer:
            with pytest.raises(ValueError, match="mine"):
                raise_held(signal.SIGINT, error=ValueError("mine"))
            heard.append(outer())

    with pytest.raises(KeyboardInterrupt):
        work()
    assert heard == [True]


def test_does_nothing_in_another_thread() -> None:
    heard: list[bool] = []

    def work() -> None:
        with raised_terminations(), held_interrupts() as interrupted:
            heard.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [False]


def test_within_another_block_it_is_let_out_to_that_one() -> None:
    heard = []

    def work() -> None:
        with held_interrupts() as outer:
            with held_interrupts() as inner:
                signal.raise_signal(signal.SIGINT)
                heard.append((inner(), outer()))
            heard.append((inner(), outer()))

    with pytest.raises(KeyboardInterrupt):
        work()
    assert heard == [(True, False), (True, True)]
