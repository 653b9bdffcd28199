"""The programs that read event streams in the field, each against the sidecar in front of Node and of Flask
under gunicorn."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import event_stream
from harness import HERE, SILENCE, Case, main, run, seconds, together

EVENTS = [("message", "data:image/png;base64,iVBORw0KGgo="), ("status", "200"), ("message", "done")]


class Clients(Case):
    @classmethod
    def start(cls, systems):
        backend = systems.gunicorn(worker="gthread", threads=16)
        cls.sidecar = systems.sidecar(backend.port)
        cls.seen = together({"curl": lambda: cls.curl("curl"), "curl-1.0": lambda: cls.curl("curl-1.0", "--http1.0"),
                             "curl-http2": lambda: cls.curl("curl-http2", "--http2"),
                             "fetch": cls.fetch, "urllib": cls.urllib, "http.client": cls.http_client})

    @classmethod
    def url(cls, name):
        return f"http://127.0.0.1:{cls.sidecar.port}/login/stream?ticket={name}"

    @classmethod
    def curl(cls, name, *options):
        done = run("curl", "--silent", "--show-error", "--no-buffer", *options, cls.url(name))
        if done.returncode != 0:
            raise AssertionError(done)
        return done.stdout

    @classmethod
    def fetch(cls):
        return run("node", HERE / "clients" / "read_stream.js", "GET", cls.url("fetch")).stdout

    @classmethod
    def urllib(cls):
        with urllib.request.urlopen(cls.url("urllib"), timeout=seconds(20)) as answer:
            return b"".join(answer)  # line by line, as scripts do

    @classmethod
    def http_client(cls):
        connection = http.client.HTTPConnection("127.0.0.1", cls.sidecar.port, timeout=seconds(20))
        connection.request("GET", urllib.parse.urlsplit(cls.url("http.client"))._replace(scheme="", netloc="").geturl())
        answer = connection.getresponse()
        read = b""
        while piece := answer.read1(4096):
            read += piece
        connection.close()
        return read

    def test_each_reads_the_whole_stream(self):
        for name, body in self.seen.items():
            if name == "fetch":
                continue
            self.assertIsInstance(body, bytes, name)
            stream = event_stream.parse(body)
            self.assertEqual([(event.type, event.data) for event in stream.events], EVENTS, name)
            self.assertGreaterEqual(len(stream.heartbeats), 5, name)

    def test_fetch_reads_the_whole_stream(self):
        lines = [json.loads(line) for line in self.seen["fetch"].splitlines()]
        self.assertEqual(lines[0], {"status": 200, "type": "text/event-stream; charset=utf-8"})
        self.assertEqual([(line["event"], line["data"]) for line in lines[1:-1]], EVENTS)
        self.assertEqual(lines[-1], {"end": "done"})

    def test_a_read_timeout_shorter_than_the_silence_is_no_trouble(self):
        """Python's clients give up when nothing comes for their timeout; heartbeats are something."""
        began = time.monotonic()
        with urllib.request.urlopen(self.url("impatient"), timeout=seconds(1)) as answer:
            self.assertTrue(answer.read().endswith(b"data: done\n\n"))
        self.assertGreater(time.monotonic() - began, seconds(SILENCE) * 0.9)

    def test_urllib_sees_the_error_that_the_application_gave(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{self.sidecar.port}/api/generate/stream/expired",
                                   timeout=seconds(5))
        with caught.exception as error:
            self.assertEqual((error.code, json.load(error)["error"]), (401, "token expired"))

    def test_nodes_agent_uses_its_connection_again(self):
        page = f"http://127.0.0.1:{self.sidecar.port}"
        done = run("node", HERE / "clients" / "get.js", f"{page}/", f"{page}/missing", f"{page}/report",
                   f"{page}/session/me", f"{page}/")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([answer["status"] for answer in answers], [200, 404, 200, 401, 200], done)
        self.assertEqual([answer["reused"] for answer in answers], [False, True, True, True, True])

    def test_an_http_client_connection_is_used_again(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.sidecar.port, timeout=seconds(5))
        connection.connect()
        first = connection.sock
        for method, target, body in [("GET", "/", None), ("POST", "/api/echo", b"x" * 5000), ("HEAD", "/report", None),
                                     ("PUT", "/api/echo", iter([b"a", b"bc"])), ("DELETE", "/empty", None),
                                     ("GET", "/download?mb=1", None), ("GET", "/missing", None)]:
            connection.request(method, target, body)
            answer = connection.getresponse()
            answer.read()
            self.assertLess(answer.status, 500)
            self.assertIs(connection.sock, first, f"{method} {target} should have kept the connection")
        connection.close()

    def test_curl_asks_for_several_pages_on_one_connection(self):
        page = f"http://127.0.0.1:{self.sidecar.port}"
        done = run("curl", "--silent", "--write-out", "%{http_code} %{num_connects}\n",
                   "--output", "/dev/null", f"{page}/", "--output", "/dev/null", f"{page}/missing",
                   "--output", "/dev/null", f"{page}/report")
        self.assertEqual(done.stdout.split(b"\n")[:3], [b"200 1", b"404 0", b"200 0"], done)


if __name__ == "__main__":
    main()
