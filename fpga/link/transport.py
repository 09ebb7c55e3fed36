"""What a session needs of whatever carries frames to a device and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from .frames import Frame

__all__ = ["Transport"]


class Transport(Protocol):
    """Carries frames; may lose, damage or repeat any of them, and may bring anything that is none."""

    @property
    def heard(self) -> int:
        """Bytes that `receive` has seen in all, whatever they were."""

    @property
    def silence(self) -> str:
        """What a user might have overlooked where no device answers, as a question."""

    def seconds(self) -> float:
        """Return the time that time-outs are measured by."""

    def discard(self) -> None:
        """Forget what has come by now."""

    def send(self, frame: Frame) -> None:
        """Send a frame.

        Raises
        ------
        BackspikeError
            The transport is lost, here and in all methods.
        """

    def reset(self) -> None:
        """Have the device reset its link and its network, whatever state they are in; weights stay."""

    def receive(self, timeout: float) -> Iterator[Frame]:
        """Give the frames that come, and nothing of what is none.

        It ends when none has come for `timeout` seconds after the last frame was sent, twice as many if bytes keep
        coming, and after a limited number of bytes, whatever they are: also where they never end, or time stands still.
        """
