"""A headless Chromium, spoken to in its own protocol over pipes: no driver has to be installed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT = 30.0


def find_chromium():
    """Return the path of a Chromium, or None."""
    return os.environ.get("AEFPGA_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def open_browser(profile: Path):
    """Yield a tab of a new browser, whose profile goes into an empty folder."""
    commands, answers = os.pipe(), os.pipe()

    def connect():
        # The protocol's pipes are descriptors 3 and 4; numbers that are in the way move first.
        reading, writing = os.dup(commands[0]), os.dup(answers[1])
        reading, writing = (os.dup2(fd, 40 + i) for i, fd in enumerate((reading, writing)))
        os.dup2(reading, 3)
        os.dup2(writing, 4)

    process = subprocess.Popen(
        [
            find_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={profile}",
            "--remote-debugging-pipe", "about:blank",
        ],
        preexec_fn=connect,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(commands[0])
    os.close(answers[1])
    try:
        yield Tab(commands[1], answers[0])
    finally:
        with suppress(OSError):
            os.write(commands[1], b'{"id": 0, "method": "Browser.close"}\0')
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(commands[1])
        os.close(answers[0])


class Tab:
    """A page: what it says, and what a user does with it.

    `problems` are errors and warnings of its console, exceptions, and requests beyond the file.
    """

    def __init__(self, writing, reading):
        self._writing, self._reading, self._number, self._buffer = writing, reading, 0, b""
        self._session, self.problems, self._loaded = None, [], False
        targets = self._call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, path: Path, width=1200, height=900, dark=False, script=True):
        """Open a file in a window of a size."""
        self.resize(width, height)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=theme)
        self._call("Emulation.setScriptExecutionDisabled", value=not script)
        self._loaded, self.problems = False, []
        self._call("Page.navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + TIMEOUT
        while not self._loaded:
            self._receive(deadline)

    def resize(self, width, height):
        """Give the window another size, in pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def evaluate(self, expression):
        """Return the value of an expression."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def mouse(self, kind, x, y, buttons=0):
        """Move, press or release at a place in the window."""
        button = "left" if kind != "mouseMoved" or buttons else "none"
        self._call(
            "Input.dispatchMouseEvent",
            type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1,
        )  # fmt: skip

    def click(self, selector):
        """Click the middle of what a selector finds."""
        x, y = self.place(selector)
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, 1)
        self.mouse("mouseReleased", x, y)

    def drag(self, start, end):
        """Drag from one place to another."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, 1)
        self.mouse("mouseMoved", *end, 1)
        self.mouse("mouseReleased", *end)

    def key(self, name):
        """Press a key."""
        text = {"text": name} if len(name) == 1 else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", key=name, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=name)

    def wait(self, expression):
        """Wait until an expression is true."""
        deadline = time.monotonic() + TIMEOUT
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.05)

    def place(self, selector, across=0.5, down=0.5):
        """Scroll to what a selector finds, and return a place within it."""
        return self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const b = e.getBoundingClientRect();"
            f"return [b.x + {across} * b.width, b.y + {down} * b.height]; }})()"
        )

    def screenshot(self, path: Path):
        """Write a picture of the whole page."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        picture = self._call(
            "Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1}
        )
        path.write_bytes(base64.b64decode(picture["data"]))

    def print(self, path: Path):
        """Write the page as it is printed."""
        path.write_bytes(base64.b64decode(self._call("Page.printToPDF")["data"]))

    def _call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _receive(self, deadline):
        """Return the next message, and take note of events."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select(
                [self._reading], [], [], max(0, deadline - time.monotonic())
            )
            if not ready:
                raise TimeoutError("the browser does not answer")
            received = os.read(self._reading, 1 << 20)
            if not received:
                raise EOFError("the browser has ended")
            self._buffer += received
        first, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(first)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event, content):
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            self.problems.append(str(content["exceptionDetails"]))
        elif event == "Log.entryAdded" and content["entry"]["level"] in ("error", "warning"):
            self.problems.append(content["entry"]["text"])
        elif event == "Runtime.consoleAPICalled":
            self.problems.append(str(content["args"]))
        elif event == "Network.requestWillBeSent":
            url = content["request"]["url"]
            if not url.startswith("file:") or not url.endswith(".html"):
                self.problems.append(f"asked for {url}")
