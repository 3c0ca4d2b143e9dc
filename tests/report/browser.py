"""A headless Chromium, spoken to over its own protocol (CDP): nothing but the browser is needed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from base64 import b64decode
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_ANNOUNCED = re.compile(rb"DevTools listening on (ws://\S+)")
_TIME_S = 60


@dataclass
class Page:
    """One tab: what it was told to do, and whatever it said meanwhile."""

    socket: aiohttp.ClientWebSocketResponse
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _sent: int = 0

    async def open(self, path: Path) -> None:
        """Load a file and wait until it is there."""
        await self.send("Page.navigate", url=path.as_uri())
        await self._heard("Page.loadEventFired")

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method; events that come before its answer are kept."""
        self._sent += 1
        number = self._sent
        await self.socket.send_json(
            {"id": number, "method": method, "params": params, "sessionId": self.session}
        )
        while True:
            message = await self._message()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return dict(message["result"])

    async def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def press(self, key: str) -> None:
        """Press and release a key."""
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        common = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def show(self, *, width: int, height: int = 900, is_dark: bool = False) -> None:
        """Take the size of a screen, and the colours that its owner prefers."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = "dark" if is_dark else "light"
        await self.send(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    async def picture(self, *, is_whole: bool = False) -> bytes:
        """A PNG of what is seen, or of the whole page."""
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=is_whole)
        return b64decode(answer["data"])

    async def _heard(self, event: str) -> None:
        while (await self._message()).get("method") != event:
            pass

    async def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=_TIME_S))
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}:
            self.complaints.append(json.dumps(params))
        return message


@asynccontextmanager
async def browsing(profile: Path) -> AsyncIterator[Page]:
    """A tab of a browser of its own, which keeps what it must in ``profile``."""
    process = await _started(profile)
    try:
        address = await asyncio.wait_for(_announced(process), _TIME_S)
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(address, max_msg_size=0) as socket,
        ):
            yield await _tab(socket)
    finally:
        process.terminate()
        await process.wait()


async def _started(profile: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        str(CHROMIUM),
        "--headless=new",
        "--no-sandbox",  # tests run as root in containers, where there can be none
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-extensions",
        "--hide-scrollbars",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": str(profile)},
    )


async def _announced(process: asyncio.subprocess.Process) -> str:
    """The address that the browser writes to its standard error."""
    if process.stderr is None:
        raise RuntimeError("the browser's standard error is not read")
    async for line in process.stderr:
        found = _ANNOUNCED.search(line)
        if found:
            return found[1].decode()
    raise RuntimeError("the browser ended before it listened")


async def _tab(socket: aiohttp.ClientWebSocketResponse) -> Page:
    await socket.send_json({"id": -1, "method": "Target.createTarget", "params": {"url": "about:blank"}})
    target = (await _answer(socket, -1))["targetId"]
    await socket.send_json(
        {"id": -2, "method": "Target.attachToTarget", "params": {"targetId": target, "flatten": True}}
    )
    page = Page(socket, (await _answer(socket, -2))["sessionId"])
    for domain in ("Page", "Runtime", "Log", "Network"):
        await page.send(f"{domain}.enable")
    return page


async def _answer(socket: aiohttp.ClientWebSocketResponse, number: int) -> dict[str, Any]:
    while True:
        message = json.loads(await socket.receive_str(timeout=_TIME_S))
        if message.get("id") == number:
            return dict(message["result"])
