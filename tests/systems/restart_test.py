"""Backends come and go while nginx and the sidecar stay."""

import json
import time

from harness import Case, Front, free_port, main, seconds
from wire import Connection, fetch


class RestartCases(Case):
    @classmethod
    def start(cls, systems):
        cls.port = free_port()
        cls.sidecar = systems.sidecar(cls.port)
        cls.front = Front(cls.sidecar.port)
        systems.nginx(cls.front)

    def test_a_backend_that_comes_goes_and_comes_back(self):
        # nobody is there yet
        answer = fetch(self.sidecar.port, "/", fields={"Accept": "text/html"})
        self.assertEqual(answer.status, 502)
        self.assertIn(b"default", answer.body, "the answer should name the upstream")
        self.assertNotIn(str(self.port).encode(), answer.body, "the answer should not tell its address")
        answer = fetch(self.sidecar.port, "/", fields={"Accept": "application/json"})
        self.assertEqual((answer.status, answer.get("Content-Type").split(";")[0]), (502, "application/json"))
        self.assertIn("default", json.dumps(json.loads(answer.body)))
        self.assertEqual(fetch(self.sidecar.port, "/events", fields={"Accept": "text/event-stream"}).status, 502)
        self.assertEqual(fetch(self.front.port, "/").status, 502)

        with Connection(self.sidecar.port) as connection:
            connection.request("GET", "/ready").read()
            for _ in range(3):
                backend = self.serve()
                self.assertEqual(self.eventually(self.front.port), 200)
                self.assertEqual(fetch(self.sidecar.port, self.page).status, 200)
                answer = connection.request("GET", self.page)
                answer.read()
                self.assertEqual(answer.status, 200, "a client's connection outlives the backend")
                # gone, and with it the connections that the pool kept
                self.end(backend)
                answer = connection.request("GET", self.page)
                answer.read()
                self.assertEqual(answer.status, 502)

    def test_the_pool_never_shows_that_the_backend_was_restarted(self):
        """Ended and restarted between two requests: the very next one is answered, GET or POST."""
        with Connection(self.sidecar.port) as connection:
            for method in ("GET", "POST", "GET"):
                backend = self.serve()
                for _ in range(3):
                    answer = connection.request("GET", self.page)
                    answer.read()
                    self.assertEqual(answer.status, 200)
                self.end(backend)
                backend = self.serve()
                answer = connection.request(method, self.page, body=b"x" if method == "POST" else b"")
                answer.read()
                self.assertIn(answer.status, (200, 405), f"{method} met a dead connection")
                self.end(backend)

    def eventually(self, port):
        deadline = time.monotonic() + seconds(5)
        while (status := fetch(port, self.page).status) != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        return status


class Node(RestartCases):
    page = "/ready"

    def serve(self):
        return self.systems.node("notify", port=self.port)

    def end(self, backend):
        backend.kill()


class Gunicorn(RestartCases):
    page = "/"

    def serve(self):
        return self.systems.gunicorn(worker="gthread", threads=4, port=self.port)

    def end(self, backend):
        self.assertIsNotNone(backend.stop(), "gunicorn should end when it is asked to")


if __name__ == "__main__":
    main()
