"""The client leaves, and the backend learns it at once: in the middle of silence too, and through nginx as well."""

import socket
import time

from harness import Case, Front, main
from recording import record
from wire import Connection, fetch, head


class DepartureCases(Case):
    def leave(self, port, name, how):
        """Opens a silent stream, waits for its greeting, leaves, and returns when the backend saw the end."""
        connection = Connection(port)
        response = connection.request("GET", f"/events?name={name}&hello=1&never=1", {"Accept": "text/event-stream"})
        next(iter(response))
        left_at = time.monotonic()
        how(connection)
        seen_at = self.systems.wait_for_journal(f"close {name}", 1)
        connection.close()
        return seen_at - left_at

    def closed(self, name):
        return self.sidecar.wait_for_line(event="stream_close", path=f"/events?name={name}&hello=1&never=1")


class Node(DepartureCases):
    @classmethod
    def start(cls, systems):
        cls.backend = systems.node("notify")
        cls.sidecar = systems.sidecar(cls.backend.port)
        cls.front, cls.front_1_1 = Front(cls.sidecar.port), Front(cls.sidecar.port, "1.1")
        systems.nginx(cls.front, cls.front_1_1)

    def test_a_close_is_seen_within_a_second(self):
        self.leave(self.sidecar.port, "close", Connection.close)
        closed = self.closed("close")
        self.assertEqual((closed["reason"], closed["closed_by"]), ("client_gone", "client"), closed)

    def test_a_reset_is_seen_within_a_second(self):
        self.leave(self.sidecar.port, "reset", Connection.reset)
        self.assertEqual(self.closed("reset")["reason"], "client_gone")

    def test_who_only_stops_speaking_has_left_a_stream_too(self):
        self.leave(self.sidecar.port, "half", lambda connection: connection.socket.shutdown(socket.SHUT_WR))
        self.assertEqual(self.closed("half")["reason"], "client_gone")

    def test_through_nginx_it_is_no_different(self):
        self.leave(self.front.port, "nginx-1.0", Connection.close)
        self.leave(self.front_1_1.port, "nginx-1.1", Connection.close)
        self.assertEqual(self.closed("nginx-1.0")["reason"], "client_gone")
        self.assertEqual(self.closed("nginx-1.1")["reason"], "client_gone")

    def test_departure_after_a_long_silence_is_seen_too(self):
        name = "silent"
        seen = record(self.sidecar.port, f"/events?name={name}&hello=1&never=1",
                      until=lambda recording: len(recording.heartbeats) == 3)
        self.assertEqual(len(seen.heartbeats), 3, seen)
        self.systems.wait_for_journal(f"close {name}", 1)
        self.assertEqual(self.closed(name)["heartbeats"], 3)

    def test_others_are_not_disturbed(self):
        with Connection(self.sidecar.port) as neighbour:
            stays = neighbour.request("GET", "/events?name=stays&hello=1&after=1.5", {"Accept": "text/event-stream"})
            next(iter(stays))
            for number in range(20):
                self.leave(self.sidecar.port, f"crowd-{number}", Connection.reset if number % 2 else Connection.close)
            self.assertIn(b"new_message", stays.read())
            self.assertEqual(stays.end, "complete")

    def test_a_half_closed_client_still_gets_an_ordinary_answer(self):
        with Connection(self.sidecar.port) as connection:
            connection.send(head("GET", "/later?after=0.5"))
            connection.socket.shutdown(socket.SHUT_WR)
            answer = connection.response()
            self.assertEqual((answer.status, answer.read()), (200, b"at last"))

    def test_a_half_closed_client_of_http_1_0_too(self):
        with Connection(self.sidecar.port) as connection:
            connection.send(head("GET", "/later?after=0.5", version="HTTP/1.0"))
            connection.socket.shutdown(socket.SHUT_WR)
            answer = connection.response()
            self.assertEqual((answer.status, answer.read(), answer.end), (200, b"at last", "complete"))


class Flask(DepartureCases):
    """A generator learns of it when it next writes: GeneratorExit."""

    @classmethod
    def start(cls, systems):
        cls.backend = systems.gunicorn(worker="gthread", threads=8)
        cls.sidecar = systems.sidecar(cls.backend.port)
        cls.front = Front(cls.sidecar.port)
        systems.nginx(cls.front)

    def test_the_generator_is_closed(self):
        for name, port in (("direct", self.sidecar.port), ("nginx", self.front.port)):
            seen = record(port, f"/ticker?name={name}", until=lambda recording: len(recording.events) == 3)
            self.assertEqual(seen.events, [("message", "tick")] * 3, seen)
            self.systems.wait_for_journal(f"closed {name}", 2)

    def test_no_worker_is_lost(self):
        """More visitors than the backend has threads, one after the other: each leaves a free thread behind."""
        for number in range(12):
            record(self.sidecar.port, f"/ticker?name=visitor-{number}", until=lambda recording: recording.events)
            self.systems.wait_for_journal(f"closed visitor-{number}", 2)
        self.assertEqual(fetch(self.sidecar.port, "/").status, 200)


if __name__ == "__main__":
    main()
