"""Ctrl-C held back: heard within, let out at the end, and never lost."""

from __future__ import annotations

import signal
import threading

import pytest

from backspike.interrupts import held_interrupts


def test_interrupt_is_heard_and_let_out_at_the_end() -> None:
    heard = []

    def work() -> None:
        with held_interrupts() as interrupted:
            heard.append(interrupted())
            signal.raise_signal(signal.SIGINT)
            heard.append(interrupted())

    with pytest.raises(KeyboardInterrupt):
        work()
    assert heard == [False, True]


def test_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with held_interrupts() as interrupted:
        assert signal.getsignal(signal.SIGINT) is not before
        assert not interrupted()
    assert signal.getsignal(signal.SIGINT) is before


def test_error_within_goes_before_the_interrupt() -> None:
    def work() -> None:
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        work()


def test_does_nothing_in_another_thread() -> None:
    heard: list[bool] = []

    def work() -> None:
        with held_interrupts() as interrupted:
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
