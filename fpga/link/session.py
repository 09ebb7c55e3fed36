"""Requests and their answers, over any transport: each request is executed exactly once (docs/host_link.md)."""

from __future__ import annotations

from backspike.errors import BackspikeError
from backspike.link import ANSWER, MemoryRequest, Request, Status

from .frames import Frame
from .transport import Transport

__all__ = ["ATTEMPTS", "GREETINGS", "NoAnswerError", "RefusedError", "Session"]

GREETINGS = 5
"""Times that HELLO is sent before a device is taken to be absent."""

ATTEMPTS = 40
"""Times that any other request is sent."""

_REFUSALS: dict[int, str] = {
    Status.UNKNOWN_KIND: "does not know the request",
    Status.WRONG_BODY: "refuses the request's body",
    Status.MID_SAMPLE: "is in the middle of a sample",
    Status.WRONG_LABEL: "refuses a label that is no class",
    Status.RUNNING: "plays the samples of its memory",
    Status.QUEUE_FULL: "has no room for another run",
    Status.NOT_READY: "has a sample memory that is not ready",
}


class NoAnswerError(BackspikeError):
    """A request was sent many times, and no answer came."""


class RefusedError(BackspikeError):
    """The device has answered that it did nothing.

    Attributes
    ----------
    status : int
        Why, a `Status` if it is one.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Session:
    """Numbers requests, sends each until it is answered, and checks the answer's form.

    Parameters
    ----------
    transport : Transport
    timeout : float
        Seconds after which a request that was not answered is sent again; twice as many if bytes keep coming.
    """

    def __init__(self, transport: Transport, timeout: float = 0.5) -> None:
        self.transport, self.timeout = transport, timeout
        self.repeats = 0
        """Requests that had to be sent again."""
        self.sequence = 0
        """Sequence of the last request."""

    def ask(self, kind: Request | MemoryRequest, body: bytes = b"", size: int | None = None) -> bytes:
        """Send a request until it is answered; return the answer's body after the status, of `size` bytes if given.

        Raises
        ------
        NoAnswerError
            Nobody answers.
        RefusedError
            The device refuses the request.
        BackspikeError
            Its answer is not what the protocol says.
        """
        self.sequence = (self.sequence + 1) % 256
        # What has come by now answers nothing that is asked from here on.
        self.transport.discard()
        request, heard = Frame(self.sequence, kind, body), self.transport.heard
        attempts = GREETINGS if kind == Request.HELLO else ATTEMPTS
        for attempt in range(attempts):
            self.repeats += attempt > 0
            self.transport.send(request)
            for answer in self.transport.receive(self.timeout):
                if (answer.sequence, answer.kind) == (self.sequence, kind | ANSWER):
                    return _checked(kind, answer.body, size)
        noise = self.transport.heard - heard
        hint = f"; {noise:,} bytes came that are no answer" if noise else ""
        if kind == Request.HELLO:
            hint += f"; {self.transport.silence}"
        raise NoAnswerError(f"no answer from the device to {kind.name}, which was sent {attempts} times{hint}")


def _checked(kind: Request | MemoryRequest, answer: bytes, size: int | None) -> bytes:
    """Return an answer's body after its status.

    Raises
    ------
    RefusedError
        Its status is not that of what was done.
    BackspikeError
        It has no status, or not as many bytes after it.
    """
    if not answer:
        raise BackspikeError(f"the device's answer to {kind.name} is empty, without a status")
    status, content = answer[0], answer[1:]
    if status != Status.DONE:
        reason = _REFUSALS.get(status, f"answers with the unknown status {status}")
        raise RefusedError(f"the device {reason} ({kind.name})", status)
    if size is not None and len(content) != size:
        raise BackspikeError(f"the device's answer to {kind.name} has {len(content)} bytes, not {size}")
    return content
