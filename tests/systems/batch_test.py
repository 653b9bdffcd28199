"""The batch: a POST whose answer is a stream of progress, read with fetch. Its last event must arrive, its end
must be an honest one, and the POST must happen once."""

import json
import time

from harness import HERE, SILENCE, Case, Front, main, require, run, seconds, together
from recording import record
from wire import Connection, fetch

TASKS = 3
JSON = {"Content-Type": "application/json"}
EVENTS = ["batch-start"] + ["task-progress"] * TASKS + ["batch-complete"]


def batch(name):
    return json.dumps({"id": name, "tasks": TASKS})


class BatchCases(Case):
    @classmethod
    def start(cls, systems):
        require("node")
        cls.backend = systems.node("batch")
        cls.sidecar = systems.sidecar(cls.backend.port)
        cls.bare, cls.front = Front(cls.backend.port), Front(cls.sidecar.port)
        cls.front_1_1 = Front(cls.sidecar.port, "1.1")
        systems.nginx(cls.bare, cls.front, cls.front_1_1)

    def count(self, line):
        return self.systems.journal().count(line)


class Fetch(BatchCases):
    """Node's fetch, as the page in the browser does it."""

    @classmethod
    def start(cls, systems):
        super().start(systems)

        def ask(name, port):
            def call():
                done = run("node", HERE / "clients" / "read_stream.js", "POST",
                           f"http://127.0.0.1:{port}/api/batch/generate-stream", batch(name))
                return [json.loads(line) for line in done.stdout.splitlines()]
            return call

        ports = {"bare": cls.bare.port, "sidecar": cls.sidecar.port, "nginx-1.0": cls.front.port,
                 "nginx-1.1": cls.front_1_1.port}
        cls.seen = together({name: ask(name, port) for name, port in ports.items()})

    def test_through_bare_nginx_the_last_event_is_lost(self):
        lines = self.seen["bare"]
        self.assertEqual(lines[-1]["end"], "error", lines)
        self.assertNotIn("batch-complete", [line.get("event") for line in lines])

    def test_the_last_event_arrives_and_then_the_end(self):
        for name in ("sidecar", "nginx-1.0", "nginx-1.1"):
            lines = self.seen[name]
            self.assertEqual(lines[0]["status"], 200, name)
            self.assertEqual([line["event"] for line in lines[1:-1]], EVENTS, name)
            self.assertEqual(json.loads(lines[-2]["data"]), {"completed": TASKS, "failed": 0}, name)
            self.assertEqual(lines[-1], {"end": "done"}, name)

    def test_every_batch_was_done_once(self):
        for name in ("sidecar", "nginx-1.0", "nginx-1.1"):
            counts = (self.count(f"batch {name}"), self.count(f"done {name}"), self.count(f"aborted {name}"))
            self.assertEqual(counts, (1, 1, 0))
        self.assertEqual(self.count("batch bare"), 1)

    def test_the_log_knows_the_posts(self):
        closed = self.sidecar.matching(event="stream_close", path="/api/batch/generate-stream")
        self.assertEqual(len(closed), 3)
        for line in closed:
            self.assertEqual((line["method"], line["reason"], line["events"]), ("POST", "complete", len(EVENTS)), line)
            self.assertGreaterEqual(line["heartbeats"], 4, line)
            self.assertGreaterEqual(line["duration_ms"], seconds(SILENCE) * 900, line)


class NeverRepeated(BatchCases):
    def test_a_post_whose_backend_died_is_not_repeated(self):
        for port, name in ((self.sidecar.port, "direct"), (self.front.port, "behind-nginx"),
                           (self.front_1_1.port, "behind-nginx-1.1")):
            answer = fetch(port, "/api/batch/crash", "POST", JSON, batch(name).encode())
            self.assertEqual(answer.status, 502, name)
            self.assertEqual(self.count(f"batch {name}"), 1, name)

    def test_nor_on_a_connection_that_was_used_before(self):
        with Connection(self.sidecar.port) as connection:
            for _ in range(3):
                connection.request("GET", "/nothing-here").read()
            connection.request("POST", "/api/batch/crash", JSON, batch("used").encode()).read()
        self.assertEqual(self.count("batch used"), 1)

    def test_a_broken_batch_never_looks_finished(self):
        """The backend is killed in the middle of the batch: whoever reads it must see that the end is not the end."""
        mortal = self.systems.node("batch")
        sidecar = self.systems.sidecar(mortal.port)
        front, front_1_1 = Front(sidecar.port), Front(sidecar.port, "1.1")
        self.systems.nginx(front, front_1_1)

        def kill():
            for name in ("sidecar", "nginx-1.0", "nginx-1.1"):
                self.systems.wait_for_journal(f"batch mortal-{name}", 5)
            time.sleep(seconds(1))  # the progress of all tasks has passed, the long silence has begun
            mortal.kill()

        calls = {name: (lambda port=port, name=name: record(port, "/api/batch/generate-stream", "POST", JSON,
                                                            batch(f"mortal-{name}").encode()))
                 for name, port in (("sidecar", sidecar.port), ("nginx-1.0", front.port),
                                    ("nginx-1.1", front_1_1.port))}
        seen = together({**calls, "kill": kill})
        self.assertIsNone(seen.pop("kill"))
        for name, recording in seen.items():
            self.assertEqual(recording.status, 200, recording)
            self.assertEqual([event for event, _ in recording.events], EVENTS[:-1],
                             f"what had arrived must be delivered: {recording}")
            self.assertIn(recording.end, ("truncated", "reset"), f"{name} took the end for a good one: {recording}")
        closed = sidecar.wait_for_line(event="stream_close")
        self.assertIn(closed["reason"], ("upstream_reset", "upstream_truncated"), closed)
        self.assertEqual(closed["closed_by"], "upstream", closed)


if __name__ == "__main__":
    main()
