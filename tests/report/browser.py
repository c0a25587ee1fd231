"""A headless Chromium, spoken to through a pipe: what a page shows, asks for and complains about."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


class View(NamedTuple):
    """A page at one size.

    Args:
        width, height: of the window, in pixels of CSS.
        content: how wide the content is.
        complaints: errors and warnings on the console, exceptions, broken images.
        requests: addresses asked for.
        picture: PNG of the whole page.
    """

    width: int
    height: int
    content: int
    complaints: list[str]
    requests: list[str]
    picture: bytes


class Browser:
    """One process; pages are looked at one after another."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._buffer, self._number, self._events = b"", 0, []  # type: tuple[bytes, int, list[dict[str, Any]]]
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._tell(f"{domain}.enable")

    def look(self, path: Path, size: str) -> View:
        """The page in the file ``path``."""
        width, height = SIZES[size]
        phone = size == "phone"
        self._tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.open(path)
        return self.view(size)

    def open(self, path: Path) -> None:
        """Go to the page in the file ``path``."""
        self._events.clear()
        self._tell("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._receive()

    def view(self, size: str) -> View:
        """The page that is open, as it is now."""
        width, height = SIZES[size]
        broken = self.value("[...document.images].filter(i => !i.complete || !i.naturalWidth).length")
        content = self.value("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
        picture = self._tell("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        complaints = [json.dumps(event) for event in self._events if _complains(event)]
        requests = [e["params"]["request"]["url"] for e in self._events if e["method"] == "Network.requestWillBeSent"]
        if broken:
            complaints.append(f"{broken} broken images")
        return View(width, height, content, complaints, requests, base64.b64decode(picture))

    def value(self, expression: str) -> Any:
        """What an expression comes to in the page; of a promise, what it keeps."""
        asked = self._tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in asked, asked["exceptionDetails"]
        return asked["result"].get("value")

    def _tell(self, method: str, **parameters: Any) -> Any:
        return self._ask(method, self._session, **parameters)

    def _ask(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._read, 1 << 16)
            assert more, "the browser has ended"
            self._buffer += more
        text, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self._events.append(message)
        return message


def _complains(event: dict[str, Any]) -> bool:
    match event["method"]:
        case "Log.entryAdded":
            return event["params"]["entry"]["level"] in ("error", "warning")
        case "Runtime.consoleAPICalled":
            return event["params"]["type"] in ("error", "warning", "assert")
        case "Runtime.exceptionThrown" | "Network.loadingFailed":
            return True
    return False


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own; to be asked for only where :data:`PROGRAM` is."""
    assert PROGRAM is not None
    (to_read, write), (read, to_write) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # it reads from descriptor 3 and writes to 4
        words = [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        words += ["--no-first-run", "--disable-extensions", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]  # out of the way of 3 and 4

        def place() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        process = subprocess.Popen(
            words, pass_fds=(3, 4), preexec_fn=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for end in (to_read, to_write, *ends):
            os.close(end)
        try:
            yield Browser(write, read)
        finally:
            process.kill()
            process.wait()
            os.close(write)
            os.close(read)
