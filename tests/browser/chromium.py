"""Debian's Chromium with EventSources in its pages, and a backend whose every answer is the test's."""

import atexit
import base64
import collections
import http.client
import json
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "systems"))

from harness import Case, Program, Systems, find, free_port, seconds  # noqa: E402
import http2_client  # noqa: E402

MODULES = HERE / "node_modules"  # made by ./dev test
PATIENCE = 10.0
HEARTBEAT = {"interval": f"{int(seconds(0.3) * 1000)}ms"}
SEEN_HEARTBEAT = {**HEARTBEAT, "form": "event", "event": "heartbeat"}  # one that a page can count

HOST = "portal.example"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--host-resolver-rules=MAP {HOST} 127.0.0.1,MAP *.{HOST} 127.0.0.1,MAP * ~NOTFOUND"]

CONNECTING, OPEN, CLOSED = 0, 1, 2  # readyState


def ms(value):
    """A duration of the configuration, stretched like all of the suite's clock."""
    return f"{int(seconds(value) * 1000)}ms"


def require():
    """Without a browser these cases are skipped: ./dev test installs one wherever that is possible."""
    absent = [name for name, there in (("chromium", find("chromium")), ("node", find("node")),
                                       ("playwright-core (npm ci)", (MODULES / "playwright-core").is_dir()))
              if not there]
    if absent:
        raise unittest.SkipTest(f"no browser here: missing {', '.join(absent)}; ./dev test installs them")


class Backend:
    """Requests wait in the order of their arrival, for each path apart; /page is a page. It can go and come back."""

    def __init__(self):
        self.port = free_port()
        self.page_fields = ""
        self._waiting = collections.defaultdict(queue.Queue)
        self._arrived = collections.Counter()
        self._open = set()
        self._news = threading.Lock()
        self.start()

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        """Nobody listens any more, and all that was open is gone."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.shutdown(socket.SHUT_RDWR)  # a close alone does not wake the accept
        listener.close()
        with self._news:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has gone by itself

    def next(self, path, patience=PATIENCE):
        """The next request for this path; its time of arrival is `at`."""
        try:
            return self._queue(path).get(timeout=seconds(patience))
        except queue.Empty:
            raise AssertionError(f"no request for {path} within {patience} s; until now: {self._arrived}") from None

    def count(self, path):
        """How many requests for this path there ever were."""
        with self._news:
            return self._arrived[path]

    def _queue(self, path):
        with self._news:
            return self._waiting[path]

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._news:
                self._open.add(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        file = connection.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return
            head += line
        request = http2_client.Request(connection, head, file)
        request.at = time.monotonic()
        if request.path == "/page":
            request.answer(b"<!doctype html><title>page</title>", "Content-Type: text/html\r\n" + self.page_fields)
        elif request.path == "/favicon.ico":
            request.answer(status="404 Not Found")
        else:
            with self._news:
                self._arrived[request.path] += 1
                self._waiting[request.path].put(request)


class Page:
    """A page of the browser; what becomes of its EventSources is written down in it."""

    def __init__(self, browser, number):
        self._browser, self._number = browser, number

    def evaluate(self, expression, argument=None):
        """What this function of the page says to the argument, or what its promise brings."""
        return self._browser.command("evaluate", page=self._number, expression=expression, argument=argument)

    def listen(self, name, url, *events, credentials=False):
        """Opens an EventSource; of named events it sees only these."""
        self.evaluate("listen", {"name": name, "url": url, "events": events, "credentials": credentials})

    def state(self, name):
        """Its readyState and what there was: opens, errors (with the readyState in them), events; `at` is in
        milliseconds since it was made."""
        return self.evaluate("state", name)

    def until(self, name, patience=PATIENCE, **wanted):
        """The state as soon as there are so many `opens`, `errors` and `events` (those `of` these types), and this
        `readyState`."""
        return self.evaluate("until", {"name": name, "wanted": wanted, "patience": seconds(patience) * 1000})

    def hang_up(self, name):
        self.evaluate("hang_up", name)

    def heads(self, path, so_many, patience=PATIENCE):
        """The heads of the answers below this path as soon as there are so many, as the browser's network log has them:
        status, protocol, connection, and how many bytes came behind it."""
        deadline = time.monotonic() + seconds(patience)
        while len(heads := self._browser.command("heads", page=self._number, path=path)) < so_many:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {so_many} answers for {path}: {heads}")
            time.sleep(0.01)
        return heads

    def close(self):
        self._browser.command("close", page=self._number)


class Browser:
    """The one of this process: starting one costs more than what a class of cases does with it."""

    _one = None

    @classmethod
    def get(cls):
        if cls._one is None:
            cls._one = Browser()
        return cls._one

    def __init__(self):
        self._systems = Systems()
        atexit.register(self._systems.close)
        self._systems.certificate()
        self.certificate, self.key = self._systems.folder / "tls.crt", self._systems.folder / "tls.key"
        flags = [*FLAGS, f"--ignore-certificate-errors-spki-list={_pin(self.certificate)}"]
        options = json.dumps({"executablePath": find("chromium"), "args": flags})
        self._port = free_port()
        self._program = Program("browser", ["node", HERE / "browser.js", self._port, options], self._systems.folder,
                                env={"NODE_PATH": str(MODULES), "TMPDIR": str(self._systems.folder)})
        self._systems.programs.append(self._program)
        self._wait_until_it_runs()

    def _wait_until_it_runs(self):
        """A machine that is busy takes its time to start so large a program."""
        deadline = time.monotonic() + seconds(90)
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self._port)).close()
            except OSError:
                if self._program.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"no browser:\n{self._program.output()}") from None
                time.sleep(0.02)

    def command(self, what, **arguments):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds(6 * PATIENCE))
        try:
            connection.request("POST", "/", json.dumps({"do": what, **arguments}))
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "problem" in answer:
            raise AssertionError(answer["problem"])
        return answer.get("value")

    def page(self, url):
        return Page(self, self.command("open", url=url))

    def forget(self):
        """Pages, cookies and connections are gone."""
        self.command("forget")


def gone_within(request, patience):
    """Whether its connection is closed before so many seconds are over."""
    try:
        return request.gone(patience)
    except TimeoutError:
        return False


def _pin(certificate):
    """The base64 of the SHA-256 of its public key."""
    key = subprocess.run([find("openssl"), "x509", "-in", certificate, "-noout", "-pubkey"], check=True,
                         capture_output=True).stdout
    der = subprocess.run([find("openssl"), "pkey", "-pubin", "-outform", "der"], input=key, check=True,
                         capture_output=True).stdout
    digest = subprocess.run([find("openssl"), "dgst", "-sha256", "-binary"], input=der, check=True,
                            capture_output=True).stdout
    return base64.b64encode(digest).decode()


class BrowserCases(Case):
    """A backend, a sidecar with these routes, and a browser."""

    tls = False
    http2 = "downgrade"
    limits = {}

    @classmethod
    def routes(cls):
        """The event_stream of each route, by its name: the first segment of its paths."""
        return {}

    @classmethod
    def more(cls, _name):
        """What else there is to say of this route."""
        return {}

    @classmethod
    def start(cls, systems):
        require()
        cls.browser = Browser.get()
        for file in (cls.browser.certificate, cls.browser.key):  # before somebody makes another one
            shutil.copy(file, systems.folder)
        cls.backend = Backend()
        cls.addClassCleanup(cls.backend.stop)
        listener = {"http2": cls.http2}
        if cls.tls:
            listener["tls"] = {"certificates": [{"certificate": str(cls.browser.certificate),
                                                 "key": str(cls.browser.key)}]}
        routes = [{"name": name, "match": {"path": f"/{name}/**"}, "upstream": "default", "event_stream": event_stream,
                   **cls.more(name)} for name, event_stream in cls.routes().items()]
        routes.append({"name": "rest", "match": {"path": "/**"}, "upstream": "default"})
        cls.sidecar = systems.sidecar(cls.backend.port, listener=listener,
                                      config={"routes": routes, "limits": cls.limits})
        cls.origin = f"http{'s' if cls.tls else ''}://{HOST}:{cls.sidecar.port}"

    @classmethod
    def tearDownClass(cls):
        cls.browser.forget()  # the sidecar ends after it, and has nobody to wait for

    def page(self):
        page = self.browser.page(self.origin + "/page")
        self.addCleanup(page.close)
        return page

    def assert_none_comes(self, path, so_many, patience=0.7):
        """No more requests than these for this path, for a while."""
        deadline = time.monotonic() + seconds(patience)
        while time.monotonic() < deadline:
            self.assertEqual(self.backend.count(path), so_many)
            time.sleep(0.01)
