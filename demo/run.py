#!/usr/bin/env python3
"""The demo: one silent backend, one nginx, two clients. One client's stream passes nginx alone, the other one's passes
nginx and sse-sidecar. Everything listens on 127.0.0.1 on free ports and is gone at the end.

With --once it ends after the story, with exit code 0 only if the cut and the survival were both seen.
"""

import argparse
import collections
import contextlib
import ctypes
import grp
import http.client
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALONE, TOGETHER = "nginx alone", "nginx + sse-sidecar"
COLOURS = {"head": "1", "event": "32", "heartbeat": "36", "cut": "1;31", "end": "32", "dim": "2", "title": "1;4"}
BREAKS = {
    http.client.IncompleteRead: "closed in the middle",
    http.client.RemoteDisconnected: "closed without an answer",
    ConnectionResetError: "reset",
    TimeoutError: "nothing came any more",
}


# --- what is seen -----------------------------------------------------------------------------------------------


class Screen:
    """Two columns on a terminal that is wide enough, otherwise lines with a prefix. Safe to use from every thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tty = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        columns = shutil.get_terminal_size().columns
        self.width = min((columns - 5) // 2, 62) if self.tty and columns >= 76 else None
        self.utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        self.began = time.monotonic()

    def paint(self, text, kind):
        return f"\033[{COLOURS[kind]}m{text}\033[0m" if kind and self.tty else text

    def say(self, text="", kind=None):
        with self.lock:
            print(self.paint(text, kind), flush=True)

    def mark(self, good):
        if self.utf8:
            return "✓" if good else "✗"
        return "ok" if good else "--"

    def titles(self):
        if self.width:
            self.cells((ALONE, "title"), (TOGETHER, "title"))

    def row(self, side, text, kind=None):
        text = f"{time.monotonic() - self.began:5.1f} s  {text}"
        if self.width is None:
            self.say(f"{f'[{side}]':<23} {text}", kind)
        elif side == ALONE:
            self.cells((text, kind), ("", None))
        else:
            self.cells(("", None), (text, kind))

    def cells(self, *cells):
        bar = self.paint("│" if self.utf8 else "|", "dim")
        clipped = []
        for text, kind in cells:
            text = text if len(text) <= self.width else text[: self.width - 1] + ("…" if self.utf8 else ">")
            clipped.append(self.paint(text, kind) + " " * (self.width - len(text)))
        self.say(f" {clipped[0]} {bar} {clipped[1].rstrip()}")


class Client(threading.Thread):
    """Opens the stream as any HTTP client does, shows what it receives as it arrives and remembers what matters."""

    def __init__(self, screen, side, port, patience):
        super().__init__(daemon=True)
        self.screen, self.side, self.port, self.patience = screen, side, port, patience
        self.status, self.events, self.heartbeats = None, [], []
        self.ended, self.clean = None, False
        self.rest = b""

    def run(self):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            self.show("GET /events", "dim")
            connection.request("GET", "/events", headers={"Accept": "text/event-stream"})
            response = connection.getresponse()
            self.status = response.status
            good = response.status == 200
            self.show(f"HTTP/1.1 {response.status} {response.reason}", "head" if good else "cut")
            while chunk := response.read1(65536):
                if good:
                    self.receive(chunk, time.monotonic() - began)
            self.clean = good
        except (OSError, http.client.HTTPException) as error:
            self.show(f"broken off: {BREAKS.get(type(error), error)}", "cut")
        finally:
            connection.close()
        self.ended = time.monotonic() - began
        if self.clean:
            self.show("the end, as the backend meant it", "end")
        elif self.status not in (None, 200):
            self.show("no stream, no event: nothing arrived", "cut")

    def receive(self, chunk, now):
        *blocks, self.rest = (self.rest + chunk.replace(b"\r\n", b"\n")).split(b"\n\n")
        for block in blocks:
            lines = block.decode(errors="replace").split("\n")
            for comment in (line for line in lines if line.startswith(":")):
                self.heartbeats.append(now)
                self.show(comment, "heartbeat")
            fields = [line for line in lines if line and not line.startswith(":")]
            if fields:
                self.events.append(fields[0].removeprefix("event:").strip())
                self.show("  ".join(fields), "event")

    def show(self, text, kind):
        self.screen.row(self.side, text, kind)


# --- what runs --------------------------------------------------------------------------------------------------


def die_with_parent():
    """In the child: if this program is killed, its children end too (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Processes:
    """The children, started in order and ended in reverse, each by its own process id."""

    def __init__(self):
        self.running = []

    def start(self, command, **streams):
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
            **streams,
        )
        self.running.append(child)
        return child

    def end(self):
        for sign in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            for child in reversed(self.running):
                if child.poll() is None:
                    child.send_signal(sign)
            deadline = time.monotonic() + 1.5
            while time.monotonic() < deadline and any(child.poll() is None for child in self.running):
                time.sleep(0.02)
        for child in self.running:
            child.wait()


class LogTail(threading.Thread):
    """Reads what a child writes: kept until somebody wants to see it, shown at once from then on."""

    def __init__(self, screen, stream):
        super().__init__(daemon=True)
        self.screen, self.stream = screen, stream
        self.lock, self.kept, self.live = threading.Lock(), collections.deque(maxlen=200), False
        self.start()

    def run(self):
        for line in self.stream:
            with self.lock:
                self.kept.append(line.rstrip("\n"))
                if self.live:
                    self.flush()

    def show(self, live):
        with self.lock:
            self.live = live
            self.flush()

    def flush(self):
        while self.kept:
            self.screen.say("  " + self.kept.popleft(), "dim")


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [held.getsockname()[1] for held in sockets]


def wait_until_listening(child, port, what):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise SystemExit(f"demo: {what} ended at once with exit code {child.returncode}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise SystemExit(f"demo: {what} does not listen on port {port}")


def start_nginx(processes, folder, words):
    """nginx with a configuration, a pid file and temporary folders of its own; no other nginx is touched."""
    user = ""
    if os.getuid() == 0:  # the folder's owner is root, nginx's worker is not
        nobody = pwd.getpwnam("nobody")
        user = f"user nobody {grp.getgrgid(nobody.pw_gid).gr_name};"
        folder.chmod(0o711)
    text = (ROOT / "conf/nginx/demo.conf.template").read_text()
    for word, value in {"USER": user, "DIR": folder, **words}.items():
        text = text.replace(f"@{word}@", str(value))
    (folder / "nginx.conf").write_text(text)
    with open(folder / "stderr", "w", encoding="utf-8") as stderr:
        child = processes.start(
            ["nginx", "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"],
            stdout=stderr, stderr=stderr
        )
    try:
        wait_until_listening(child, words["ALONE_PORT"], "nginx")
    except SystemExit:
        sys.stderr.write((folder / "stderr").read_text())
        raise


def start_all(screen, processes, folder, options):
    """Returns the ports of the two entrances and the log of the sidecar."""
    backend = processes.start(
        [sys.executable, ROOT / "demo/silent_backend.py", "--port", 0, "--silence", options.silence],
        stdout=subprocess.PIPE,
        text=True,
    )
    backend_port = int(backend.stdout.readline().rsplit(":", 1)[1])
    sidecar_port, alone, together = free_ports(3)
    command = [
        os.environ.get("SSE_SIDECAR_BINARY") or ROOT / "build/release/sse-sidecar",
        *("--listen", f"127.0.0.1:{sidecar_port}"),
        *("--upstream", f"http://127.0.0.1:{backend_port}"),
        *("--heartbeat-interval", "1s"),
        *("--log-format", "text"),
        *("--admin", "off"),  # its default port may be in use
    ]
    sidecar = processes.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = LogTail(screen, sidecar.stdout)
    try:
        wait_until_listening(sidecar, sidecar_port, "sse-sidecar")
    except SystemExit:
        log.show(live=True)
        raise
    words = {"ALONE_PORT": alone, "TOGETHER_PORT": together, "BACKEND_PORT": backend_port, "SIDECAR_PORT": sidecar_port}
    start_nginx(processes, folder, {**words, "READ_TIMEOUT": options.read_timeout})
    return alone, together, log


# --- the story --------------------------------------------------------------------------------------------------


def tell(screen, options, alone_port, together_port):
    """Runs both clients to their end; True when the one was cut and the other one survived."""
    screen.say(f"The backend sends an event, works {options.silence:g} s in silence, then sends the result.")
    screen.say(f"nginx gives up after {options.read_timeout} s without a byte (its default is 60 s).")
    screen.say("sse-sidecar sends a heartbeat after each second of silence (its default is 15 s).\n")
    screen.titles()
    screen.began = time.monotonic()
    patience = options.silence + 10
    clients = [Client(screen, ALONE, alone_port, patience), Client(screen, TOGETHER, together_port, patience)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(patience + 5)
    screen.say()
    verdicts = [verdict_alone(clients[0], options), verdict_together(clients[1], options)]
    for (good, text), side in zip(verdicts, (ALONE, TOGETHER)):
        screen.say(f" {screen.mark(good)} {side:<20} {text}", "end" if good else "cut")
    return verdicts


def verdict_alone(client, options):
    """The cut: it is the reason for all this, so the demo insists on seeing it."""
    if "result" in client.events:
        return True, "NOT cut: the result arrived, which this demo did not expect"
    if client.ended is None or client.ended < options.read_timeout - 0.5 or client.ended > options.silence:
        return True, f"NOT cut by the read timeout of {options.read_timeout} s, but failed in another way"
    seen = "the result is lost" if client.events else "not one event got through"
    return False, f"cut after {client.ended:.1f} s: {seen}"


def verdict_together(client, options):
    late = [at for at in client.heartbeats if at > options.read_timeout]
    if client.clean and client.events == ["started", "result"] and late:
        return True, f"{options.silence:g} s of silence, {len(client.heartbeats)} heartbeats, both events, a clean end"
    missing = [
        *([] if client.status == 200 else ["no 200"]),
        *(f"no event '{name}'" for name in ("started", "result") if name not in client.events),
        *([] if late else ["no heartbeat behind the read timeout"]),
        *([] if client.clean else ["no clean end"]),
    ]
    return False, "did NOT survive: " + ", ".join(missing or [f"events were {client.events}"])


def stay(screen, alone, together, log):
    screen.say("\nAll of it keeps running. In another terminal, or in a browser without /events:")
    screen.say(f"  curl -N http://127.0.0.1:{alone}/events      # nginx alone", "head")
    screen.say(f"  curl -N http://127.0.0.1:{together}/events      # nginx + sse-sidecar", "head")
    screen.say("\nWhat sse-sidecar logs, live; Ctrl-C ends everything:")
    log.show(live=True)
    while True:
        signal.pause()


def stop(_signal, _frame):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="end after the story; exit code 0: it came true")
    parser.add_argument("--silence", type=float, default=10, help="of the backend, in seconds (default: %(default)s)")
    parser.add_argument("--read-timeout", type=int, default=4, help="of nginx, in seconds (default: %(default)s)")
    options = parser.parse_args()
    if not shutil.which("nginx"):
        raise SystemExit("demo: nginx is not installed; ./dev demo sees to that")
    screen, processes = Screen(), Processes()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sse-sidecar-demo-"))
    told = False
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, stop)
    try:
        alone, together, log = start_all(screen, processes, folder, options)
        (spared, _), (survived, _) = tell(screen, options, alone, together)
        told = survived and not spared
        if not options.once:
            stay(screen, alone, together, log)
        screen.say("\nWhat sse-sidecar wrote down:")
        log.show(live=False)
    except KeyboardInterrupt:
        screen.say()
        return 0 if told else 130
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        processes.end()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if told else 1


if __name__ == "__main__":
    sys.exit(main())
