"""Headless Chromium, driven by its own protocol: what a hand does on a page, and what the page does then."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
MISSING = f"no browser is installed: none of {', '.join(BROWSERS)}"

SECONDS = 60.0
"""How long anything may take; a busy machine takes its time."""


class Tab:
    """A page that is open.

    Attributes
    ----------
    complaints : list of str
        What its console has said, and exceptions that nothing has caught.
    addresses : list of str
        All that it has asked the network for.
    """

    def __init__(self, connection: WebSocketClientConnection, session: str) -> None:
        self._connection, self._session, self._number = connection, session, 0
        self.complaints: list[str] = []
        self.addresses: list[str] = []

    async def ask(self, method: str, **values: Any) -> Any:
        """Do something by the protocol, and return its result."""
        self._number += 1
        request: dict[str, Any] = {"id": self._number, "method": method, "params": values}
        if self._session:
            request["sessionId"] = self._session
        await self._connection.write_message(json.dumps(request))
        while True:
            message = await asyncio.wait_for(_read(self._connection), SECONDS)
            self._note(message)
            if message.get("id") == self._number and message.get("sessionId", "") == self._session:
                assert "error" not in message, message
                return message["result"]

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("sessionId", "") != self._session:
            return
        given = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled":
                self.complaints.append(str([part.get("value") for part in given["args"]]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(given["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                self.addresses.append(given["request"]["url"])

    async def value(self, expression: str) -> Any:
        """Return what JavaScript comes to, awaited."""
        result = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until JavaScript comes to what is true, and return it."""
        end = asyncio.get_running_loop().time() + SECONDS
        while not (found := await self.value(expression)):
            assert asyncio.get_running_loop().time() < end, (expression, await self.value("document.body.innerText"))
            await asyncio.sleep(0.02)
        return found

    async def click(self, selector: str) -> None:
        """Press what a selector finds."""
        await self.value(f"document.querySelector({selector!r}).click()")

    async def draw(self, selector: str, points: Sequence[tuple[float, float]]) -> None:
        """Draw a line with the mouse, in shares of an element's width and height."""
        found = f"document.querySelector({selector!r})"
        await self.value(f"{found}.scrollIntoView()")
        box = await self.value(f"(box => [box.x, box.y, box.width, box.height])({found}.getBoundingClientRect())")
        kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*points, points[-1]], strict=True):
            place = {"x": box[0] + x * box[2], "y": box[1] + y * box[3]}
            await self.ask(
                "Input.dispatchMouseEvent",
                type=kind,
                button="left",
                buttons=1,
                clickCount=1,
                pointerType="mouse",
                **place,
            )

    async def key(self, key: str, shift: bool = False) -> None:
        """Press a key, and let it go."""
        code = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, " ": 32, "Enter": 13}[key]
        given = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        text = {" ": " ", "Enter": "\r"}.get(key, "")
        await self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **given)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **given)

    async def screenshot(self, path: Path) -> None:
        """Write the whole page as a PNG file."""
        result = await self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(result["data"]))

    async def look(self, scheme: str, width: int, height: int = 900) -> None:
        """Choose the colour scheme and the size of the window."""
        await self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )


async def _read(connection: WebSocketClientConnection) -> dict[str, Any]:
    message = await connection.read_message()
    assert message is not None, "the browser has ended"
    return dict(json.loads(message))


@asynccontextmanager
async def browse(folder: Path) -> AsyncIterator[Callable[[], Awaitable[Tab]]]:
    """Start a browser, with a profile in a folder, and give what opens an empty tab of it."""
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        "--disable-background-networking", f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0",
        "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        place = folder / "profile" / "DevToolsActivePort"
        end = asyncio.get_running_loop().time() + SECONDS
        while not (place.exists() and len(place.read_text().split()) == 2):
            assert process.poll() is None
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.02)
        port, path = place.read_text().split()
        connection = await websocket_connect(f"ws://127.0.0.1:{port}{path}", max_message_size=1 << 28)
        browser = Tab(connection, "")

        async def open_tab() -> Tab:
            target = await browser.ask("Target.createTarget", url="about:blank")
            attached = await browser.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            tab = Tab(connection, attached["sessionId"])
            for domain in ("Page", "Runtime", "Log", "Network"):
                await tab.ask(f"{domain}.enable")
            return tab

        try:
            yield open_tab
        finally:
            # The protocol's own way, so that all of its processes end; then the connection ends, too.
            with suppress(AssertionError):
                await browser.ask("Browser.close")
                while True:
                    await _read(connection)
            connection.close()
    finally:
        process.terminate()
        process.wait()
