"""The page's server: on this machine alone, and for those alone who know its address to the last character."""

from __future__ import annotations

import asyncio
import errno
import hmac
import json
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from backspike.errors import BackspikeError, shown
from backspike.files import parse_json

from .network import DeviceLostError
from .session import REQUESTS, LiveSession

try:
    from tornado.httpserver import HTTPServer
    from tornado.web import Application, HTTPError, RequestHandler, stream_request_body
except ModuleNotFoundError as error:
    raise BackspikeError("Tornado is missing; install it with: pip install backspike[live]") from error

__all__ = ["LiveServer"]

HOST = "127.0.0.1"

LARGEST = 1 << 16
"""Bytes of the largest request: a drawing takes a quarter of it."""

_FILES = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}

_HEADERS = {
    # Nothing from elsewhere, nothing within the text of the page, and in no other page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # The token is in the address.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class LiveServer:
    """Serves the page of a session on 127.0.0.1.

    Each address begins with a token that was drawn for this server; a request without it, to another name of this
    machine (as after DNS rebinding), or from a page of another origin is refused with status 403. Requests are done one
    after the other in a thread of their own, whatever tab they come from.

    Parameters
    ----------
    session : LiveSession
    port : int
        Of TCP; 0 takes one that is free.

    Attributes
    ----------
    url : str
        Address of the page, with the token.
    url_once : str
        Leads to it, but once: for the command line of a browser, which others on this machine can read.

    Raises
    ------
    BackspikeError
        The port cannot be had.
    """

    def __init__(self, session: LiveSession, port: int = 0) -> None:
        token, once = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        try:
            self._socket = socket.create_server((HOST, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
            raise BackspikeError(
                f"port {port} of this machine {reason}; without --http-port one that is free is taken"
            ) from error
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}/{token}/"
        self.url_once = f"http://{HOST}:{self.port}/{once}"
        self._worker = ThreadPoolExecutor(1, "session")
        names = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        given = {"session": session, "token": token, "once": [once], "names": names, "worker": self._worker}
        self._application = Application([(r".*", _Page, given)], log_function=lambda _: None)

    async def serve(self) -> None:
        """Serve until the task is cancelled; what is being done then is finished first."""
        # Handlers look at the length themselves, so that too much of it is refused with the right status.
        server = HTTPServer(self._application, max_body_size=1 << 62)
        server.add_socket(self._socket)
        try:
            await asyncio.Event().wait()
        finally:
            server.stop()
            self._worker.shutdown()


@stream_request_body
class _Page(RequestHandler):
    """A file of the page (GET), or something that the page asks for (POST), in JSON both ways."""

    def initialize(
        self, session: LiveSession, token: str, once: list[str], names: set[str], worker: ThreadPoolExecutor
    ) -> None:
        self._session, self._token, self._once, self._names, self._worker = session, token, once, names, worker
        self._body = b""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        headers = self.request.headers
        # As it was sent: nothing in it is to be decoded.
        token, slash, self._asked = self.request.path.removeprefix("/").partition("/")
        if headers.get("Host", "").lower() not in self._names:
            raise HTTPError(403, "this server has another name")
        if self.request.method == "GET" and self._once and _same(token, self._once[0]) and not slash:
            self._once.clear()
            self.redirect(f"/{self._token}/")
            return
        if not _same(token, self._token):
            raise HTTPError(403, "the address is not the one that `backspike live` has printed")
        origin = headers.get("Origin")
        if origin is not None and origin.lower() not in {f"http://{name}" for name in self._names}:
            raise HTTPError(403, "the request is from a page of another origin")
        if not slash:
            raise HTTPError(404, "the address ends with a slash")
        length = headers.get("Content-Length", "" if self.request.method == "POST" else "0")
        if not length.isdecimal() or "Transfer-Encoding" in headers:
            raise HTTPError(411, "a request must say how long it is")
        if len(length) > 9 or int(length) > LARGEST:
            raise HTTPError(413, f"a request must have at most {LARGEST:,} bytes, not {length}")

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    def get(self) -> None:
        if self._asked not in _FILES:
            raise HTTPError(404, f"there is no {shown(self._asked)} here")
        name, kind = _FILES[self._asked]
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.finish(files("backspike.live").joinpath(name).read_bytes())

    async def post(self) -> None:
        if self._asked not in REQUESTS:
            raise HTTPError(404, f"there is no {shown(self._asked)} here")
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPError(415, "a request must be application/json")
        request, names = REQUESTS[self._asked]
        values = _values(self._body, names)
        session = self._session

        def done() -> dict[str, Any]:
            # In one go, so that no other tab's request comes between.
            return {**request(session, **values), "state": session.state()}

        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._worker, done)
        except DeviceLostError as error:
            raise HTTPError(503, str(error)) from error
        except BackspikeError as error:
            raise HTTPError(400, str(error)) from error
        self._tell(answer)

    def write_error(self, status_code: int, **arguments: Any) -> None:
        error = arguments.get("exc_info", (None, None))[1]
        sentence = error.log_message if isinstance(error, HTTPError) else None
        self._tell({"error": sentence or "this cannot be done"})

    def log_exception(self, *arguments: Any) -> None:
        # What was refused was said to those who asked; what nobody foresaw is told as it is.
        if not isinstance(arguments[1], HTTPError):
            super().log_exception(*arguments)

    def _tell(self, content: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(content))


def _same(given: str, token: str) -> bool:
    """Compare in a time that says nothing of the token."""
    return hmac.compare_digest(given.encode(), token.encode())


def _values(body: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of a request, which has to have those of these names and no others."""
    try:
        values = parse_json(body)
    except (ValueError, RecursionError) as error:
        raise HTTPError(400, "the request is no JSON") from error
    if not isinstance(values, dict) or set(values) != set(names):
        wanted = " and ".join(names) if names else "no value"
        raise HTTPError(400, f"the request must be an object with {wanted}, not {shown(values)}")
    return values
