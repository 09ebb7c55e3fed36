"""The page in headless Chromium: a hand draws, asks, teaches, names, forgets and saves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backspike import PRESETS
from backspike.datasets import load_dataset
from backspike.live.network import DeviceLostError, LiveNetwork
from backspike.live.server import LiveServer
from backspike.live.session import LiveSession, Place
from backspike.model import Network
from tests.browser import BROWSER, MISSING, Tab, browse

from .conftest import CROSS, ZERO
from .test_server import serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason=MISSING)

CONFIG = PRESETS["digits"].replace(layers=(64, 12, 11))
DATA = load_dataset("digits", CONFIG, 1, spare=True)

REFUSED = "the server responded with a status of "
"""What the browser tells of a request that is refused."""

FOCUSED = """
(() => {
  const found = [...document.querySelectorAll("a[href], button:enabled, input, [tabindex='0']")].filter(
    element => element.getClientRects().length);
  return [found.length, found.filter(element => (element.focus(), document.activeElement !== element)).length];
})()
"""


@pytest.fixture
def session(tmp_path: Path) -> LiveSession:
    names = [*map(str, range(10)), None]
    place = Place(tmp_path / "taught.npz")
    return LiveSession(LiveNetwork(Network(CONFIG)), "a test", (8, 8), names, DATA, 30, place=place)


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Callable[[Callable[[Tab], Awaitable[None]]], None]]:
    """Start a browser, once for all tests, and return what lets a coroutine have a tab of it."""
    with closing(asyncio.new_event_loop()) as loop:
        browsing = browse(tmp_path_factory.mktemp("browser"))
        open_tab = loop.run_until_complete(browsing.__aenter__())

        async def have(hand: Callable[[Tab], Awaitable[None]]) -> None:
            await hand(await open_tab())

        yield lambda hand: loop.run_until_complete(have(hand))
        loop.run_until_complete(browsing.__aexit__(None, None, None))


@pytest.fixture
def visit(session, browser) -> Iterator[Callable[..., None]]:
    """Serve the session, and let a coroutine have the tab that has opened its page."""
    server = LiveServer(session)

    def run(hand: Callable[[Tab], Awaitable[None]], refused: bool = False) -> None:
        async def visited(tab: Tab) -> None:
            await tab.look("light", 1300)
            await tab.ask("Page.navigate", url=server.url)
            await tab.until("document.querySelectorAll('#classes li').length === 11 && !!surface.width")
            await hand(tab)
            assert [told for told in tab.complaints if not (refused and REFUSED in told)] == []
            assert {address.rpartition("/")[0] + "/" for address in tab.addresses} == {server.url}
            # Before the server ends.
            await tab.ask("Page.close")

        browser(visited)

    with serving(server):
        yield run


def shares(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x / 112, y / 112) for x, y in points]


async def answered(tab: Tab) -> str:
    """Wait until the drawing was answered, and return the sentence."""
    await tab.until("!!told && !showing && !due")
    return str(await tab.value("document.getElementById('answer').textContent"))


def test_it_is_drawn_answered_taught_and_forgotten(session, visit, tmp_path) -> None:
    async def hand(tab: Tab) -> None:
        press = "#classes li:nth-child({}) button".format
        await tab.draw("#drawing", shares(CROSS))
        sentence = await answered(tab)
        values = await tab.value("told.image")
        assert sentence.startswith("It is ")
        assert sum(values) > 3000
        # What is seen is what was answered.
        assert await tab.value("[...document.querySelectorAll('.wins')].map(cell => Number(cell.textContent))") == (
            await tab.value("told.wins")
        )
        # A new symbol: until it has a name, it cannot be taught.
        assert await tab.value(f"document.querySelector('{press(11)}').disabled")
        await tab.value("document.getElementById('symbol').value = '\\u2665'")
        await tab.click("#new button")
        await tab.until("state.names[10] === '\\u2665'")
        assert await tab.value("document.activeElement.textContent") == "\u2665"
        for lesson in range(1, 4):
            await tab.click(press(11))
            await tab.until(f"state.learned[10] === {lesson} && document.getElementById('facts').textContent"
                            f".includes('of {lesson}')")  # fmt: skip
        assert (await answered(tab)).startswith("Learned. Now it answers \u2665, in ")
        assert session.state()["learned"][10] == 3
        twin = LiveNetwork(Network(CONFIG))
        for _ in range(3):
            twin.learn(np.array(values, dtype=np.uint8), 10)
        assert all(map(np.array_equal, session.live.network.weights, twin.network.weights))
        label = await tab.value("document.getElementById('raster').getAttribute('aria-label')")
        assert "layer 1 errors: " in label
        assert "output errors: " in label
        await tab.click("#take-back")
        await tab.until("state.learned[10] === 2 && document.getElementById('facts').textContent.includes('of 2')")
        assert (await answered(tab)).startswith("It is ")
        # Samples of the dataset, so many and to the end.
        await tab.click("#some")
        await tab.until("state.fromDataset === 100 && !learning")
        await tab.click("#epoch")
        await tab.until(f"state.fromDataset === {len(DATA.train_labels)} && !learning")
        await tab.until("/right[0-9. ]+ %; [0-9.]+ % when/.test(document.getElementById('facts').textContent)")
        await tab.click("#save")
        await tab.until("document.getElementById('saved').textContent.startsWith('Saved to ')")
        assert (tmp_path / "taught.npz").exists()
        await tab.click("#forget")
        assert session.state()["fromDataset"] > 0
        await tab.click("#forget")
        await tab.until("state.fromDataset === 0 && state.names[10] === null")
        assert all(map(np.array_equal, session.live.network.weights, Network(CONFIG).weights))

    visit(hand)


def test_it_is_used_with_the_keyboard_alone(session, visit) -> None:
    async def hand(tab: Tab) -> None:
        found, lost = await tab.value(FOCUSED)
        assert found > 15
        assert lost == 0
        await tab.value("document.getElementById('drawing').focus()")
        inked = "alphas().filter(value => value > 127).length"
        await tab.key(" ")
        spot = await tab.value(inked)
        assert 60 < spot < 100
        await tab.key(" ")
        assert await tab.value(inked) == 0
        for key in ("ArrowUp", "ArrowUp", "ArrowLeft"):
            await tab.key(key)
        assert await tab.value(inked) == 0
        assert await tab.value("[pen.x, pen.y]") == [52, 48]
        for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
            await tab.key(key, shift=True)
        assert await tab.value(inked) > spot
        await answered(tab)
        await tab.value("document.querySelector('#classes li:nth-child(4) button').focus()")
        await tab.key("Enter")
        await tab.until("state.learned[3] === 1")
        await tab.value("document.getElementById('undo').focus()")
        for _ in range(3):
            await tab.key(" ")
        await tab.until("document.getElementById('answer').textContent === 'Draw something.'")
        assert session.state()["learned"][3] == 1

    visit(hand)


def test_what_goes_wrong_is_a_sentence_on_the_page(session, visit, monkeypatch) -> None:
    """A lesson in nothing, a name twice, another tab, and a device that is lost and found again."""

    async def hand(tab: Tab) -> None:
        fault = "(element => element.hidden ? '' : element.innerText.trim())(document.getElementById('fault'))"
        await tab.click("#classes li:nth-child(4) button")
        await tab.until(f"{fault} === 'Draw something first.'")
        await tab.value("document.getElementById('symbol').value = '7'")
        await tab.click("#new button")
        await tab.until(f"{fault} === '7 is known already'")
        await tab.draw("#drawing", shares(ZERO))
        await answered(tab)
        assert await tab.value(fault) == ""
        # Another tab.
        session.name("other")
        await tab.value("document.dispatchEvent(new Event('visibilitychange'))")
        await tab.until("state.names[10] === 'other' && document.getElementById('new').hidden")

        def lost(*_: object) -> None:
            session.live._connect = lambda: None  # type: ignore[assignment, return-value]
            raise DeviceLostError("the device is lost: it was unplugged")

        def found() -> None:
            session.live._connect = None

        monkeypatch.setattr(session.live, "learn", lost)
        monkeypatch.setattr(session.live, "connect", found)
        await tab.click("#classes li:nth-child(4) button")
        await tab.until(
            f"{fault}.startsWith('the device is lost: it was unplugged') && {fault}.endsWith('Connect again')"
        )
        await tab.click("#connect")
        await tab.until(f"{fault} === ''")

    visit(hand, refused=True)


def test_nothing_is_cut_and_the_scheme_is_the_readers(visit, tmp_path) -> None:
    cut = (
        "[...document.querySelectorAll('button, p, dd')].filter(part => part.scrollWidth > part.clientWidth + 1).length"
    )
    colors = (("light", (255, 255, 255), (31, 35, 40)), ("dark", (20, 23, 26), (230, 232, 235)))

    async def hand(tab: Tab) -> None:
        await tab.draw("#drawing", shares(ZERO))
        await answered(tab)
        for width, (scheme, paper, ink) in ((1300, colors[0]), (800, colors[1]), (360, colors[1]), (360, colors[0])):
            await tab.look(scheme, width)
            assert await tab.value("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
            assert await tab.value(cut) == 0
            if width == 800:
                continue
            # A frame, so that it has been painted.
            await tab.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            await tab.screenshot(tmp_path / "page.png")
            pixels = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"))
            assert tuple(pixels[0, 0]) == paper
            # Words and the drawing itself.
            assert np.count_nonzero((pixels == ink).all(axis=2)) > 1000

    visit(hand)
