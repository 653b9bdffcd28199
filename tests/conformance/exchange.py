"""Runs one case through a proxy: a raw client on one side, a raw backend on the other, and what both of them saw."""

import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from case import CLOSED, GET, OPEN, RESET

PROBE = b"GET /probe HTTP/1.1\r\nHost: h\r\n\r\n"
STRANGER = b"GET /stranger HTTP/1.1\r\nHost: h\r\n\r\n"
FENCE = b"GET /fence HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
OURS = (b"/probe", b"/stranger", b"/fence")


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def body_end(raw, start, fields):
    """Where the body ends that begins at `start`; None when that is not known yet."""
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        while True:
            line = raw.find(b"\r\n", start)
            if line < 0:
                return None
            try:
                size = int(raw[start:line].split(b";")[0], 16)
            except ValueError:
                return None
            if size == 0:
                if raw[line + 2:line + 4] == b"\r\n":
                    return line + 4
                end = raw.find(b"\r\n\r\n", line)
                return None if end < 0 else end + 4
            start = line + 2 + size + 2
    try:
        end = start + int(fields.get(b"content-length", b"0").split(b",")[0])
    except ValueError:
        return None
    return end if len(raw) >= end else None


def fields_of(head):
    fields = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    return fields


class Backend:
    """Accepts, keeps what it reads, and answers every request of the case with the case's bytes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.begin(None)
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, case):
        """Forgets what was, and closes what is left of it."""
        with self.lock:
            for connection in getattr(self, "connections", []):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.case, self.connections, self.seen, self.begun, self.spoke, self.where = case, [], [], [], [], {}

    def say(self, raw):
        """On the connection that answered last, without being asked."""
        with self.lock:
            self.spoke[-1].sendall(raw)

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.append(connection)
                case = self.case
            threading.Thread(target=self._serve, args=(connection, case), daemon=True).start()

    def _serve(self, connection, case):
        raw = b""
        try:
            while piece := connection.recv(1 << 16):
                raw += piece
                while raw:
                    end = raw.find(b"\r\n\r\n")
                    end = body_end(raw, end + 4, fields_of(raw[:end])) if end >= 0 else None
                    if end is None:
                        break
                    request, raw = raw[:end], raw[end:]
                    if not self._answer(connection, case, request):
                        return
        except OSError:
            pass
        finally:
            with self.lock:
                if raw and case is self.case:
                    self.begun.append(raw)
            connection.close()

    def _answer(self, connection, case, request):
        target = (request.split(b" ", 2) + [b""])[1]
        path = next((ours for ours in OURS if ours in target), None)
        with self.lock:
            if path:
                self.where[path] = connection
            else:
                self.seen.append(request)
                self.spoke.append(connection)
        if path or case is None:
            body = path or b"ok"
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            connection.sendall(head + body)
            return False
        connection.sendall(case.answer)
        if case.then == RESET:
            time.sleep(0.02)  # what was sent is to arrive before the reset
            reset(connection)
        return case.then == OPEN


@dataclass
class Outcome:
    """What both sides saw of one case."""

    statuses: list = field(default_factory=list)
    bodies: list = field(default_factory=list)
    wire: bytes = b""
    whole: bool = True
    end: str = OPEN
    seen: list = field(default_factory=list)
    begun: bool = False
    shared: bool = False


class Client:
    def __init__(self, port, patience):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.patience, self.raw, self.end = patience, b"", OPEN

    def send(self, raw):
        try:
            self.socket.sendall(raw)
        except OSError:
            pass  # refused and closed before everything was said

    def fill(self):
        """False when nothing more comes."""
        if self.end != OPEN or not select.select([self.socket], [], [], self.patience)[0]:
            return False
        try:
            piece = self.socket.recv(1 << 16)
        except OSError:
            self.end = RESET
            return False
        if not piece:
            self.end = CLOSED
        self.raw += piece
        return bool(piece)

    def read_response(self, outcome, to_head):
        """One answer, or nothing; takes it off `raw`. True when another one may follow."""
        while (end := self.raw.find(b"\r\n\r\n")) < 0:
            if not self.fill():
                return False
        end += 4
        fields = fields_of(self.raw[:end - 4])
        try:
            status = int(self.raw[9:12])
        except ValueError:
            return False
        outcome.statuses.append(status)
        start = end
        if status >= 200 and status not in (204, 304) and not to_head:
            end = self._read_body(end, fields, outcome)
        outcome.bodies.append(self.raw[start:end])
        outcome.wire += self.raw[:end]
        self.raw = self.raw[end:]
        return outcome.whole and self.end == OPEN

    def _read_body(self, start, fields, outcome):
        framed = b"content-length" in fields or b"transfer-encoding" in fields
        while not framed or (end := body_end(self.raw, start, fields)) is None:
            if self.fill():
                continue
            outcome.whole = not framed and self.end == CLOSED
            return len(self.raw)
        return end


def run(case, port, backend, patience=2.0):
    backend.begin(case)
    outcome = Outcome()
    client = Client(port, patience)
    try:
        for index, piece in enumerate(case.send):
            if index:
                time.sleep(0.02)
            client.send(piece)
        to_head = case.send[0].startswith(b"HEAD ")
        for _ in case.statuses:
            if not client.read_response(outcome, to_head):
                break
        if case.unasked and outcome.statuses:
            backend.say(case.unasked)
            time.sleep(0.02)
        if case.stranger:
            outcome.shared = _shares(port, backend, patience)
        _find_end(case, client, outcome)
    finally:
        client.socket.close()
    _fence(port, patience)
    with backend.lock:
        outcome.seen = list(backend.seen)
        outcome.begun = bool(backend.begun)
    backend.begin(None)
    return outcome


def _shares(port, backend, patience):
    """Does another client's request reach the connection that the case was answered on?"""
    stranger = Client(port, patience)
    stranger.send(STRANGER)
    stranger.read_response(Outcome(), False)
    stranger.socket.close()
    with backend.lock:
        return backend.where.get(b"/stranger") in backend.spoke


def _find_end(case, client, outcome):
    """Open is what can be used once more; anything else ends by itself, or with answers that were not expected."""
    if client.end == OPEN and case.end == OPEN:
        client.send(PROBE)
        probe = Outcome()
        while client.read_response(probe, False) and probe.statuses[-1] < 200:
            pass
        if probe.statuses[-1:] == [200] and probe.bodies[-1] == b"/probe":
            return
        outcome.statuses += probe.statuses
        outcome.bodies += probe.bodies
    while client.end == OPEN and client.fill():
        pass
    while client.raw and client.read_response(outcome, False):
        pass
    outcome.end = client.end


def _fence(port, patience):
    """Behind an answered request everything before it has reached the backend."""
    for _ in range(3):
        outcome = Outcome()
        client = Client(port, patience)
        client.send(FENCE)
        client.read_response(outcome, False)
        client.socket.close()
        if outcome.statuses == [200]:
            return
    raise RuntimeError("the proxy does not serve any more")


def serves(port, patience=0.3):
    """Does a request get through?"""
    try:
        client = Client(port, patience)
    except OSError:
        return False
    outcome = Outcome()
    client.send(GET)
    client.read_response(outcome, False)
    client.socket.close()
    return outcome.statuses == [200]
