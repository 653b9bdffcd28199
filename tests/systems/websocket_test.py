"""WebSocket beside event streams on the same port, directly and behind the nginx configuration found in the wild,
which says `Connection: upgrade` on every request."""

import base64
import hashlib
import json
import os
import socket
import struct
import time

from harness import Case, Front, main, seconds
from recording import record
from wire import Connection, fetch

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def masked(opcode, payload):
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack(">BH", 0x80 | 126, len(payload))
    else:
        head += struct.pack(">BQ", 0x80 | 127, len(payload))
    mask = os.urandom(4)
    pad = (mask * (len(payload) // 4 + 1))[:len(payload)]
    mixed = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")
    return head + mask + mixed


class WebSocket:
    def __init__(self, port, path="/chat", early=b"", fields=()):
        self.connection = Connection(port, timeout=10)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [("Host", "chat.example"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
                 ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13"), *fields]
        self.connection.send(f"GET {path} HTTP/1.1\r\n".encode()
                             + "".join(f"{name}: {value}\r\n" for name, value in lines).encode()
                             + b"\r\n" + early)
        self.response = self.connection.response()
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.accepted = self.response.get("Sec-WebSocket-Accept") == base64.b64encode(digest).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, opcode, payload):
        self.connection.send(masked(opcode, payload))

    def receive(self):
        first, length = self.connection.read_exactly(2)
        if length == 126:
            length, = struct.unpack(">H", self.connection.read_exactly(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.connection.read_exactly(8))
        return first & 15, self.connection.read_exactly(length)


class SocketCases(Case):
    nginx = False

    @classmethod
    def start(cls, systems):
        cls.backend = systems.node("socket")
        cls.sidecar = systems.sidecar(cls.backend.port)
        cls.port = cls.sidecar.port
        if cls.nginx:
            front = Front(cls.sidecar.port, "1.1", upgrade=True)
            systems.nginx(front)
            cls.port = front.port

    def test_frames_come_back(self):
        with WebSocket(self.port) as chat:
            self.assertEqual((chat.response.status, chat.accepted), (101, True), chat.response.fields)
            self.assertEqual(chat.response.get("Upgrade").lower(), "websocket")
            for payload in (b"hello", "gr\u00fc\u00dfe".encode(), b"", b"x" * 300, b"y" * 70000):
                chat.send(TEXT, payload)
                self.assertEqual(chat.receive(), (TEXT, payload))
            chat.send(PING, b"are you there")
            self.assertEqual(chat.receive(), (PONG, b"are you there"))

    def test_a_megabyte_of_frames_comes_back(self):
        with WebSocket(self.port, "/many") as chat:
            frames = [os.urandom(4096) for _ in range(256)]
            for frame in frames:  # the echo flows while we still send
                chat.send(BINARY, frame)
            for frame in frames:
                self.assertEqual(chat.receive(), (BINARY, frame))

    def test_silence_stays_silent(self):
        """No heartbeat has a place in here."""
        with WebSocket(self.port) as chat:
            chat.connection.socket.settimeout(seconds(0.8))
            with self.assertRaises(socket.timeout):
                chat.connection.read_some(1)

    def test_a_close_is_a_conversation(self):
        with WebSocket(self.port, "/closing") as chat:
            chat.send(CLOSE, struct.pack(">H", 1000) + b"bye")
            self.assertEqual(chat.receive(), (CLOSE, struct.pack(">H", 1000) + b"bye"))
            self.assertEqual(chat.connection.read_some(1), b"")
        self.systems.wait_for_journal("socket closed /closing", 2)
        self.sidecar.wait_for_line(event="request", path="/closing", status=101, timeout=2)

    def test_a_client_that_vanishes_is_noticed(self):
        with WebSocket(self.port, "/vanishing"):
            time.sleep(seconds(0.1))
        self.systems.wait_for_journal("socket closed /vanishing", 1)
        self.sidecar.wait_for_line(event="request", path="/vanishing", status=101, timeout=2)

    def test_the_server_may_speak_first(self):
        with WebSocket(self.port, "/greeting") as chat:
            self.assertEqual(chat.receive(), (TEXT, b"welcome"))

    def test_a_protocol_is_agreed_on(self):
        with WebSocket(self.port, fields=[("Sec-WebSocket-Protocol", "chat.v2")]) as chat:
            self.assertEqual(chat.response.get("Sec-WebSocket-Protocol"), "chat.v2")

    def test_a_refused_upgrade_is_an_answer(self):
        with WebSocket(self.port, "/forbidden") as chat:
            self.assertEqual((chat.response.status, chat.response.get("X-Reason"), chat.response.read()),
                             (403, "members", b"no members"))

    def test_pages_are_pages(self):
        answer = fetch(self.port, "/page")
        self.assertEqual(answer.status, 200)
        self.assertIsNone(json.loads(answer.body)["upgrade"])

    def test_connection_upgrade_alone_is_an_ordinary_request(self):
        answer = fetch(self.port, "/page", fields={"Connection": "upgrade"})
        self.assertEqual((answer.status, json.loads(answer.body)["url"]), (200, "/page"))
        self.assertNotEqual((json.loads(answer.body)["connection"] or "").lower(), "upgrade")

    def test_an_offer_of_h2c_is_an_ordinary_request(self):
        fields = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c",
                  "HTTP2-Settings": "AAMAAABkAAQCAAAAAAIAAAAA"}
        answer = fetch(self.port, "/page", fields=fields)
        self.assertEqual((answer.status, json.loads(answer.body)["upgrade"]), (200, None))

    def test_streams_live_on_the_same_port(self):
        seen = record(self.port, "/events")
        self.assertEqual((seen.events, seen.end), ([("message", "one"), ("message", "two")], "complete"), seen)
        self.assertGreaterEqual(len(seen.heartbeats), 3, seen)


class Direct(SocketCases):
    def test_frames_behind_the_handshake_are_not_lost(self):
        """A client that does not wait for the 101. (nginx would wait for it.)"""
        with WebSocket(self.port, early=masked(TEXT, b"impatient") + masked(TEXT, b"very")) as chat:
            self.assertEqual(chat.receive(), (TEXT, b"impatient"))
            self.assertEqual(chat.receive(), (TEXT, b"very"))

    def test_one_side_may_be_done_before_the_other(self):
        with WebSocket(self.port, "/half") as chat:
            chat.send(TEXT, b"last words")
            chat.send(CLOSE, b"")
            chat.connection.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(chat.receive(), (TEXT, b"last words"))
            self.assertEqual(chat.receive(), (CLOSE, b""))
            self.assertEqual(chat.connection.read_some(1), b"")


class BehindNginx(SocketCases):
    nginx = True


if __name__ == "__main__":
    main()
