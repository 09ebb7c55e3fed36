"""The server answers those who know its address, and refuses everybody else, in one sentence."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from backspike import PRESETS, BackspikeError
from backspike.live.network import DeviceLostError, LiveNetwork
from backspike.live.server import LARGEST, LiveServer
from backspike.live.session import REQUESTS, LiveSession
from backspike.model import Network

CONFIG = PRESETS["digits"].replace(layers=(64, 12, 3))


@contextmanager
def serving(server: LiveServer) -> Iterator[None]:
    """Serve in a thread while in the context."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(server.serve())

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@pytest.fixture(scope="module")
def session() -> LiveSession:
    return LiveSession(LiveNetwork(Network(CONFIG)), "a test", (8, 8), ["a", "b", None])


@pytest.fixture(scope="module")
def server(session) -> Iterator[LiveServer]:
    server = LiveServer(session)
    with serving(server):
        yield server


def asked(
    server: LiveServer, path: str, body: Any = None, method: str = "POST", **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Ask for a path below the token; return status, content and headers of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    given = {"Content-Type": "application/json"} if method == "POST" else {}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    token = server.url.split("/")[3]
    content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    with closing(connection):
        connection.request(method, f"/{token}/{path}", content, given)
        response = connection.getresponse()
        text = response.read()
    kind = response.headers["Content-Type"]
    return response.status, json.loads(text) if kind.startswith("application/json") else text, dict(response.headers)


def test_the_page_is_served_with_a_policy_that_forbids_what_is_not_its_own(server) -> None:
    assert server.url.startswith(f"http://127.0.0.1:{server.port}/")
    for path, kind, part in (
        ("", "text/html", b"<title>Backspike live</title>"),
        ("page.css", "text/css", b":root {"),
        ("page.js", "text/javascript", b'"use strict";'),
    ):
        status, text, headers = asked(server, path, method="GET")
        assert status == 200
        assert part in text
        assert headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers
        assert b"http" not in text


def test_it_answers(server, zero) -> None:
    status, answer, _ = asked(server, "answer", {"drawing": zero})
    assert status == 200
    assert sum(answer["wins"]) == CONFIG.ticks - 1
    assert answer["state"]["names"] == ["a", "b", None]
    assert asked(server, "state", {})[1]["state"]["surface"] == 112


def test_it_listens_on_this_machine_alone(server) -> None:
    with socket.socket() as other:
        other.settimeout(5)
        # Another address of the same machine.
        with pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", server.port))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_without_the_token_nothing_is_answered(method, server) -> None:
    token = server.url.split("/")[3]
    wrong = (
        "/", "/page.js", "/state", f"/{token[:-1]}/", f"/{token}x/", f"/{token[:-1]}x/state", f"//{token}/",
        f"/x/{token}/state", "/%00/", "/%c3%a9/", "/%ff/", f"/{token.swapcase()}/",
    )  # fmt: skip
    for path in wrong:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
            connection.putrequest(method, path)
            connection.putheader("Content-Length", "0")
            connection.endheaders()
            response = connection.getresponse()
            assert response.status == 403, path
            assert token.encode() not in response.read()


@pytest.mark.parametrize("path", ["", "page.js", "state"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.org"},
        {"Host": "example.org:80"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1.example.org:{port}"},
        {"Host": ""},
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1:{port}.example.org"},
    ],
)
def test_other_names_and_other_origins_are_refused(headers, path, server) -> None:
    given = {name: value.format(port=server.port) for name, value in headers.items()}
    status, answer, _ = asked(
        server, path, None if path != "state" else {}, "POST" if path == "state" else "GET", **given
    )
    assert status == 403
    assert list(answer) == ["error"]


def test_its_own_origin_is_not(server) -> None:
    for name in (f"127.0.0.1:{server.port}", f"localhost:{server.port}"):
        assert asked(server, "state", {}, Host=name, Origin=f"http://{name}")[0] == 200


def test_what_is_too_large_is_not_read(server) -> None:
    """Not even the first byte of it is waited for."""
    for length, status in ((str(LARGEST + 1), 413), ("9" * 30, 413), ("-1", 411), ("x", 411), (None, 411)):
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
            connection.putrequest("POST", f"/{server.url.split('/')[3]}/answer")
            connection.putheader("Content-Type", "application/json")
            if length:
                connection.putheader("Content-Length", length)
            connection.endheaders()
            response = connection.getresponse()
            assert response.status == status, length
            assert "error" in json.loads(response.read())
    status, answer, _ = asked(server, "answer", b" " * (LARGEST - 2) + b"{}")
    assert (status, answer["error"]) == (400, "the request must be an object with drawing, not {}")
    status, answer, _ = asked(server, "answer", b"{}", Transfer_Encoding="chunked")
    assert status in (400, 411)


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("answer", b"", "the request is no JSON"),
        ("answer", b"{", "the request is no JSON"),
        ("answer", b"\xff", "the request is no JSON"),
        ("answer", b'{"drawing": NaN}', "the request is no JSON"),
        ("answer", b"[" * 60_000, "the request is no JSON"),
        ("answer", [], "the request must be an object with drawing, not []"),
        ("answer", {"drawing": 1, "more": 2}, "the request must be an object with drawing, not {"),
        ("answer", {"drawing": 1}, "a drawing must be 112x112 values of a byte each, in base64"),
        ("learn", {"drawing": ""}, "the request must be an object with drawing and label, not {"),
        ("state", {"label": 1}, "the request must be an object with no value, not {'label': 1}"),
        ("name", {"name": "a"}, "a is known already"),
        ("epoch", {"samples": 1, "rehearse": False}, "there is no dataset: `backspike live --dataset digits` has one"),
        ("save", {}, "there is no place to save to: `backspike live --out FILE` names one"),
    ],
)
def test_a_request_that_is_none_is_one_sentence(path, body, sentence, server) -> None:
    status, answer, _ = asked(server, path, body)
    assert status == 400
    assert list(answer) == ["error"]
    assert answer["error"].startswith(sentence)


def test_what_is_not_there(server) -> None:
    for path in ("../page.html", "server.py", "page.html", "state/", "__init__", "%2e%2e/server.py"):
        for method in ("GET", "POST"):
            assert asked(server, path, {} if method == "POST" else None, method)[0] == 404, path
    assert asked(server, "state", method="GET")[0] == 404
    assert asked(server, "state", {}, Content_Type="text/plain")[0] == 415
    assert asked(server, "state", {}, Content_Type="application/json; charset=utf-8")[0] == 200
    assert asked(server, "state", {}, method="PUT")[0] == 405


def test_a_device_that_is_lost_is_one_sentence(server, session, zero, monkeypatch) -> None:
    def lost(*_: object) -> None:
        raise DeviceLostError("the device is lost: somebody has unplugged it")

    monkeypatch.setattr(session.live, "learn", lost)
    status, answer, _ = asked(server, "learn", {"drawing": zero, "label": 1})
    assert (status, answer) == (503, {"error": "the device is lost: somebody has unplugged it"})
    assert session.state()["learned"] == [0, 0, 0]


def test_two_tabs_take_turns(server, session, zero, monkeypatch) -> None:
    """Requests that come at the same time are done one after the other, in one thread."""
    busy: list[str] = []
    threads = set()

    def slow(_: object, drawing: object, label: object) -> dict[str, Any]:
        busy.append("begun")
        assert busy.count("begun") == busy.count("done") + 1
        threads.add(threading.get_ident())
        threading.Event().wait(0.02)
        busy.append("done")
        return {}

    monkeypatch.setitem(REQUESTS, "learn", (slow, ("drawing", "label")))
    tabs = [threading.Thread(target=asked, args=(server, "learn", {"drawing": zero, "label": 1})) for _ in range(8)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert busy == 8 * ["begun", "done"]
    assert len(threads) == 1


def test_a_port_that_is_in_use_is_one_sentence(server, session) -> None:
    sentence = f"port {server.port} of this machine is in use; without --http-port one that is free is taken"
    with pytest.raises(BackspikeError) as refused:
        LiveServer(session, server.port)
    assert str(refused.value) == sentence


def test_the_address_for_a_browser_leads_to_the_page_once(session) -> None:
    """Neither by another method nor with more behind it; and what others find in the list of processes is used up."""
    server = LiveServer(session)
    path = "/" + server.url_once.rpartition("/")[2]

    def ask(method: str, path: str) -> http.client.HTTPResponse:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
        return response

    with serving(server):
        for method, wrong in (("POST", path), ("HEAD", path), ("GET", f"{path}/"), ("GET", f"{path}/state")):
            assert ask(method, wrong).status == 403
        first = ask("GET", path)
        assert first.status == 302
        assert f"http://127.0.0.1:{server.port}{first.headers['Location']}" == server.url
        assert ask("GET", path).status == 403


def test_tokens_are_drawn(session) -> None:
    tokens = set()
    for _ in range(3):
        server = LiveServer(session)
        tokens.add(server.url.split("/")[3])
        server._socket.close()
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 32
