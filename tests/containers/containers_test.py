"""The program in containers: process 1 of the image that the Dockerfile makes, run by conf/compose/compose.yaml."""

import re
import subprocess
import time
import unittest

from project import Project, docker, inspect, log_lines

from harness import main
from recording import record
from wire import Connection, fetch

DNS_TTL = 5.0  # the default of upstreams.*.dns_ttl
ASK_READYZ = r"""exec 3<>/dev/tcp/127.0.0.1/9901
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
cat <&3"""


class Containers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = Project()
        cls.addClassCleanup(cls.project.remove)
        cls.project.build()

    def setUp(self):
        self.project.compose("up", "-d")
        self.sidecar = self.project.container("sidecar")
        self.eventually_200("/")

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(self.project.compose("logs", "--no-color", "--tail", "40"))
        return result

    def fetch(self, target):
        try:
            return fetch(self.project.port, target)
        except (EOFError, ConnectionError):  # what stands before a container that is not there yet
            return None

    def eventually_200(self, target, within=15.0):
        deadline = time.monotonic() + within
        while True:
            answer = self.fetch(target)
            if answer and answer.status == 200:
                return answer.body
            if time.monotonic() > deadline:
                self.fail(f"{target} was not answered with 200 within {within} s: {answer and answer.status}")
            time.sleep(0.25)

    def eventually(self, what, holds, within):
        deadline = time.monotonic() + within
        while not holds():
            self.assertLess(time.monotonic(), deadline, f"not within {within} s: {what}")
            time.sleep(0.1)

    def closes(self):
        return [line for line in log_lines(self.sidecar) if line["event"] == "stream_close"]

    def test_the_compose_file_is_an_application_with_heartbeats(self):
        self.assertIn(b"A silent backend", self.fetch("/").body)
        stream = record(self.project.port, "/events", until=lambda seen: len(seen.heartbeats) == 3)
        self.assertEqual((stream.status, [name for name, _ in stream.events]), (200, ["started"]), stream)
        self.assertEqual(len(stream.heartbeats), 3, stream)

    def test_process_1_is_nobody_may_nothing_and_cannot_write(self):
        def of_process_1(file):
            return docker("exec", self.sidecar, "cat", f"/proc/1/{file}")
        status = dict(line.split(":\t", 1) for line in of_process_1("status").splitlines() if ":\t" in line)
        self.assertEqual(of_process_1("comm"), "sse-sidecar")
        self.assertEqual(status["Uid"].split(), ["65532"] * 4)
        self.assertEqual(status["Gid"].split(), ["65532"] * 4)
        self.assertEqual({int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")}, {0})
        self.assertEqual(status["NoNewPrivs"], "1")
        with self.assertRaisesRegex(AssertionError, "Read-only file system"):
            docker("exec", "--user", "0", self.sidecar, "touch", "/tmp/file")

    def test_docker_stop_ends_it_within_the_grace_and_its_streams_too(self):
        with Connection(self.project.port) as connection, Connection(self.project.port) as idle:
            self.assertEqual(idle.request("GET", "/api/hello").status, 200)
            stream = connection.request("GET", "/events", {"Accept": "text/event-stream"})
            self.assertIn(b"started", next(iter(stream))[1])
            began = time.monotonic()
            docker("stop", self.sidecar)
            took = time.monotonic() - began
            stream.read()
        self.assertIsNotNone(stream.end, "the stream ended")
        state = inspect(self.sidecar)["State"]
        self.assertEqual((state["Status"], state["ExitCode"], state["OOMKilled"]), ("exited", 0, False))
        self.assertLess(took, 10, "docker's patience; then it kills")
        lines = log_lines(self.sidecar)
        self.assertTrue([line for line in lines if "draining" in str(line)], lines)
        close = self.closes()[-1]
        self.assertEqual((close["path"], close["closed_by"]), ("/events", "sidecar"), close)
        self.assertIn(close["reason"], ("drain", "forced"), close)

    def test_docker_says_healthy_and_a_shutdown_is_not_ready(self):
        def health():
            return inspect(self.sidecar)["State"].get("Health", {}).get("Status")

        def readyz():
            return docker("exec", self.sidecar, "bash", "-c", ASK_READYZ)
        self.eventually("healthy", lambda: health() == "healthy", within=30.0)
        with Connection(self.project.port) as connection:
            # Nobody comes back by himself to a stream of a POST request: it runs until the grace is over.
            stream = connection.request("POST", "/jobs", {"Accept": "text/event-stream"})
            self.assertIn(b"started", next(iter(stream))[1])
            with subprocess.Popen(["docker", "stop", self.sidecar], stdout=subprocess.DEVNULL) as stop:
                self.eventually("draining", lambda: re.search(r"^HTTP/1\.1 503 (?s:.*)\n\ndraining$", readyz()),
                                within=5.0)
                with self.assertRaisesRegex(AssertionError, r"exit code 1\n.*not ready: the answer is 503"):
                    docker("exec", self.sidecar, "sse-sidecar", "healthcheck")
                self.assertIsNone(stop.poll(), "it was asked before its end")
            stream.read()
        self.assertIn(stream.end, ("truncated", "reset"), "a stream that was broken off does not look whole")
        close = self.closes()[-1]
        self.assertEqual((close["path"], close["reason"], close["closed_by"]), ("/jobs", "forced", "sidecar"), close)
        self.assertEqual(inspect(self.sidecar)["State"]["ExitCode"], 0)

    def test_a_backend_that_comes_back_under_a_new_address_is_found(self):
        self.project.compose("up", "-d", "app", chunked=True)
        old = self.eventually_200("/name")
        before = inspect(self.sidecar)
        old_address = self.project.address(self.project.container("app"))
        with Connection(self.project.port) as connection:
            stream = connection.request("GET", "/events", {"Accept": "text/event-stream"})
            self.assertIn(b"data: tick\n\n", next(iter(stream))[1])
            docker("rm", "-f", self.project.container("app"))
            stream.read()
        self.assertIn(stream.end, ("truncated", "reset"), "a stream that was cut does not look whole")
        close = self.closes()[-1]
        self.assertIn(close["reason"], ("upstream_truncated", "upstream_reset"), close)
        self.assertEqual(close["closed_by"], "upstream", close)

        self.occupy(old_address)
        self.project.compose("up", "-d", "app", chunked=True)
        self.assertNotEqual(self.project.address(self.project.container("app")), old_address)
        self.assertNotEqual(self.eventually_200("/name", within=DNS_TTL + 5), old)
        with Connection(self.project.port) as connection:
            stream = connection.request("GET", "/events", {"Accept": "text/event-stream"})
            self.assertIn(b"data: tick\n\n", next(iter(stream))[1])
        after = inspect(self.sidecar)
        for key in ("Id", "RestartCount"):
            self.assertEqual(after[key], before[key])
        self.assertEqual(after["State"]["StartedAt"], before["State"]["StartedAt"], "it was never restarted")

    def occupy(self, address):
        """Somebody else gets the address, and answers there on the application's port with 404."""
        for _ in range(8):  # Docker hands out the lowest free address, or the next one
            if self.project.address(self.project.bystander("python3", "-m", "http.server", "8000")) == address:
                return
        self.fail(f"nobody was given {address}")


if __name__ == "__main__":
    main()
