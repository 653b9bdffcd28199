"""A backend that is killed, stopped and continued while streams run and requests are in flight: every client is told
the truth, heartbeats go on through a stop, and whoever comes behind the restart is served."""

import os
import signal
import threading
import time

from harness import HEARTBEAT, Case, free_port, main, seconds
from wire import Connection, fetch

STREAMS = 5


class Killed(Case):
    @classmethod
    def start(cls, systems):
        cls.port = free_port()
        cls.sidecar = systems.sidecar(cls.port)

    def serve(self):
        backend = self.systems.node("notify", port=self.port)
        self.addCleanup(backend.kill)
        return backend

    def streams(self):
        """Open event streams, each with its first event read."""
        for number in range(STREAMS):
            connection = Connection(self.sidecar.port)
            self.addCleanup(connection.close)
            answer = connection.request("GET", f"/events?name=s{number}&hello=1&never=1",
                                        {"Accept": "text/event-stream"})
            self.assertEqual(answer.status, 200)
            body = iter(answer)
            while b"connection_confirmed" not in answer.body:
                next(body)
            yield answer, body

    def waiting_requests(self):
        """Requests whose answer the backend still owes."""
        for _ in range(STREAMS):
            connection = Connection(self.sidecar.port)
            self.addCleanup(connection.close)
            connection.send(b"GET /later?after=30 HTTP/1.1\r\nHost: portal.example\r\n\r\n")
            yield connection

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.sidecar.pid}/fd"))

    def assert_nothing_left(self, before):
        deadline = time.monotonic() + seconds(8)
        while self.descriptors() > before and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertLessEqual(self.descriptors(), before)

    def test_a_kill_ends_what_runs_and_the_next_is_served(self):
        before = self.descriptors()
        for _ in range(2):
            backend = self.serve()
            streams = list(self.streams())
            waiting = list(self.waiting_requests())
            time.sleep(0.2)
            said = len(self.sidecar.lines)
            backend.kill()
            restarted = self.serve()
            for answer, _ in streams:
                answer.read()
                self.assertIn(answer.end, ("truncated", "reset"), "a killed backend does not end a stream")
            for connection in waiting:
                answer = connection.response()
                answer.read()
                self.assertEqual(answer.status, 502)
                answer = connection.request("GET", "/ready")
                self.assertEqual((answer.status, answer.read()), (200, b"ready"), "the client's connection goes on")
            self.assertEqual(fetch(self.sidecar.port, "/ready").status, 200)
            self.sidecar.wait_for_line(event="request", path="/ready")
            ends = [line for line in self.sidecar.lines[said:] if line["event"] in ("stream_close", "request")
                    and line["path"] != "/ready"]
            self.assertEqual(len(ends), 2 * STREAMS, ends)
            for line in ends:
                self.assertIn(line["reason"], ("upstream_reset", "upstream_truncated"), line)
                self.assertEqual(line["closed_by"], "upstream", line)
            for client in [answer._connection for answer, _ in streams] + waiting:
                client.close()
            restarted.kill()
        self.assert_nothing_left(before)

    def test_a_stopped_backend_is_silence_and_heartbeats_go_on(self):
        before = self.descriptors()
        backend = self.serve()
        streams = list(self.streams())
        waiting = Connection(self.sidecar.port)
        os.kill(backend.pid, signal.SIGSTOP)
        timer = threading.Timer(seconds(6), os.kill, (backend.pid, signal.SIGCONT))
        timer.start()
        self.addCleanup(timer.cancel)
        waiting.send(b"GET /ready HTTP/1.1\r\nHost: portal.example\r\n\r\n")
        for answer, body in streams:
            seen = answer.body.count(b": heartbeat\n\n")
            while answer.body.count(b": heartbeat\n\n") < seen + 4:
                next(body)
            gap = answer.pieces[-1][0] - answer.pieces[-2][0]
            self.assertLess(gap, seconds(3 * HEARTBEAT), "heartbeats go on")
        os.kill(backend.pid, signal.SIGCONT)
        answer = waiting.response()
        self.assertEqual((answer.status, answer.read()), (200, b"ready"), "late, and whole")
        for answer, _ in streams:
            answer._connection.close()
        waiting.close()
        self.assert_nothing_left(before)


if __name__ == "__main__":
    main()
