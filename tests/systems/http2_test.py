"""HTTP/2 that reaches the sidecar: brought down to HTTP/1.1, or translated. The clients are curl, nghttp, h2load and
python3-h2."""

import hashlib
import os
import re
import signal
import socket
import struct
import threading
import time

import h2.errors
import h2.exceptions
import h2.settings

from harness import Case, main, require, run, seconds
from http2_client import TIMEOUT, Backend, Client

BIG = 20_000_000
TRANSLATE = {"http2": "translate"}


def data_of(body):
    """A stream without what the sidecar put in."""
    return re.sub(rb": heartbeat\n\n", b"", body)


class Http2Cases(Case):
    listener = None
    options = ()

    @classmethod
    def start(cls, systems):
        require("curl", modules=["h2"])
        cls.backend = Backend(cls.serve) if cls.serve else Backend()
        cls.addClassCleanup(cls.backend.close)
        cls.sidecar = systems.sidecar(cls.backend.port, *cls.options, listener=cls.listener)
        cls.port = cls.sidecar.port
        cls.url = f"http://127.0.0.1:{cls.port}"

    serve = None

    def client(self, **options):
        client = Client(self.port, **options)
        self.addCleanup(client.socket.close)
        return client


def echo(request):
    """Says what it got."""
    body, trailers = request.body()
    summary = f"{request.method} {request.path} {len(body)} {hashlib.sha256(body).hexdigest()} {trailers}"
    if request.path.startswith("/big"):
        request.answer(b"" if request.method == "HEAD" else b"0123456789" * (BIG // 10))
    elif request.method == "HEAD":
        request.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
    else:
        request.answer(summary.encode())
    request.close()


class Downgrade(Http2Cases):
    serve = staticmethod(echo)

    def test_curl_with_prior_knowledge_comes_back_over_http1(self):
        done = run("curl", "-sS", "--http2-prior-knowledge", "-w", "|%{http_version}|%{num_connects}", self.url + "/a")
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(done.stdout.startswith(b"GET /a 0 "), done.stdout)
        self.assertTrue(done.stdout.endswith(b"|1.1|2"), done.stdout)
        line = self.sidecar.wait_for_line(event="downgrade", how="prior_knowledge")
        self.assertTrue(line["client"].startswith("127.0.0.1:"), line)

    def test_an_upload_of_curl_comes_back_too(self):
        done = run("curl", "-sS", "--http2-prior-knowledge", "--data-binary", "@-", self.url + "/up", data=b"x" * 5000)
        self.assertEqual(done.stdout.split()[:3], [b"POST", b"/up", b"5000"], done)

    def test_an_offer_of_h2c_is_an_ordinary_request_and_written_down(self):
        done = run("curl", "-sS", "--http2", "-w", "|%{http_version}", self.url + "/offer")
        self.assertTrue(done.stdout.startswith(b"GET /offer 0 ") and done.stdout.endswith(b"|1.1"), done)
        self.assertTrue(self.sidecar.wait_for_line(event="downgrade", how="h2c_upgrade")["client"])

    def test_every_stream_is_refused_and_a_second_later_it_is_over(self):
        client = self.client()
        began = time.monotonic()
        streams = [client.request("/never", "POST", body=b"x" * 100) for _ in range(5)]
        for stream in streams:
            self.assertEqual(client.answer(stream).end, h2.errors.ErrorCodes.HTTP_1_1_REQUIRED)
        self.assertLess(time.monotonic() - began, seconds(0.9))
        self.assertIsNone(client.goaway)
        late = client.request("/never")
        self.assertEqual(client.answer(late).end, h2.errors.ErrorCodes.HTTP_1_1_REQUIRED)
        client.until_closed()
        self.assertEqual(client.goaway, h2.errors.ErrorCodes.NO_ERROR)
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertLess(time.monotonic() - began, seconds(4))
        self.assertFalse(self.sidecar.matching(event="request", path="/never"))

    def test_once_a_connection_it_is_written_down(self):
        client = self.client()
        mine = "%s:%d" % client.socket.getsockname()
        for _ in range(3):
            client.answer(client.request("/never"))
        client.until_closed()
        self.assertEqual(len(self.sidecar.matching(event="downgrade", client=mine)), 1)


class Programs(Http2Cases):
    """Clients that others wrote."""

    listener = TRANSLATE
    serve = staticmethod(echo)

    def curl(self, path, *options, data=None):
        done = run("curl", "-sS", "--http2-prior-knowledge", *options, self.url + path, data=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_curl_gets(self):
        self.assertTrue(self.curl("/a?b=%2B", "-w", "|%{http_version}").startswith(b"GET /a?b=%2B 0 "))
        self.assertTrue(self.curl("/a", "-w", "|%{http_version}").endswith(b"|2"))

    def test_curl_asks_for_a_head(self):
        head = self.curl("/a", "--head")
        self.assertIn(b"HTTP/2 200", head)
        self.assertIn(b"content-length: 1234", head)

    def test_curl_downloads(self):
        digest = hashlib.sha256(self.curl("/big")).hexdigest()
        self.assertEqual(digest, hashlib.sha256(b"0123456789" * (BIG // 10)).hexdigest())

    def test_curl_uploads(self):
        body = os.urandom(BIG)
        for framing in ((), ("-H", "Content-Length:")):
            said = self.curl("/up", "-X", "POST", "--data-binary", "@-", *framing, data=body).split()
            self.assertEqual(said[2:4], [str(BIG).encode(), hashlib.sha256(body).hexdigest().encode()], framing)

    def test_nghttp_gets_many_at_once(self):
        require("nghttp")
        done = run("nghttp", "-n", "-s", "-m", "50", self.url + "/a")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(done.stdout.count(b" 200 "), 50, done.stdout)

    def test_h2load_loses_nothing(self):
        require("h2load")
        done = run("h2load", "-n", "3000", "-c", "10", "-m", "30", self.url + "/a", timeout=120)
        self.assertIn(b"3000 succeeded, 0 failed, 0 errored, 0 timeout", done.stdout)
        self.assertIn(b"3000 2xx", done.stdout)


class Requests(Http2Cases):
    """What the backend gets of a request, and the client of an answer."""

    listener = TRANSLATE

    def test_a_request_is_one_of_http1(self):
        client = self.client()
        fields = [("accept", "x/y"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")]
        stream = client.request("/a", fields=fields)
        got = self.backend.next()
        self.assertEqual((got.method, got.path, got.version), ("GET", "/a", "HTTP/1.1"))
        self.assertEqual(got.fields, [("Host", "app.example"), ("accept", "x/y"), ("cookie", "a=1; b=2"),
                                      ("TE", "trailers"), ("Connection", "TE")])
        got.answer(b"hello", "Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: 2\r\n")
        answer = client.answer(stream)
        self.assertEqual((answer.status, answer.body, answer.end), (200, b"hello", "complete"))
        self.assertEqual(answer.fields, [(":status", "200"), ("content-length", "5"), ("x-end", "2")])

    def test_trailers_go_both_ways(self):
        client = self.client()
        stream = client.request("/t", "POST", body=b"abc", trailers=[("x-sum", "7")])
        got = self.backend.next()
        self.assertEqual(got.body(), (b"abc", ["x-sum: 7"]))
        got.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\nX-Sum: 8\r\n\r\n")
        answer = client.answer(stream)
        self.assertEqual((answer.body, answer.trailers, answer.end), (b"xyz", [("x-sum", "8")], "complete"))
        got.close()

    def test_interim_answers_pass(self):
        client = self.client()
        stream = client.request("/")
        got = self.backend.next()
        got.say(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        got.answer(b"")
        self.assertEqual((client.answer(stream).interim, client.streams[stream].status), ([103], 200))

    def test_what_is_cancelled_leaves_the_backend_at_once(self):
        client = self.client()
        stream = client.request("/")
        got = self.backend.next()
        client.cancel(stream)
        self.assertTrue(got.gone())
        self.assertEqual(self.sidecar.wait_for_line(event="request", reason="client_gone")["closed_by"], "client")

    def test_a_client_that_leaves_takes_all_with_it(self):
        client = self.client()
        for _ in range(5):
            client.request("/")
        got = [self.backend.next() for _ in range(5)]
        client.socket.close()
        self.assertTrue(all(request.gone() for request in got))

    def test_clients_may_leave_with_an_answer_anywhere_on_its_way(self):
        for size in range(50_000, 5_000_000, 45_000):  # in frames, in the session, in the kernel's buffers
            client = Client(self.port, window=2**30, settings={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**30})
            client.read()  # its settings are in force
            client.request("/")
            got = self.backend.next()
            sender = threading.Thread(target=self.swallow, args=(got, size), daemon=True)
            sender.start()
            sender.join(seconds(0.05))
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()
            sender.join(seconds(TIMEOUT))
            self.assertFalse(sender.is_alive(), size)
        self.assertIsNone(self.sidecar.process.poll())

    @staticmethod
    def swallow(got, size):
        try:
            got.answer(b"x" * size)
        except OSError:
            pass

    def test_a_truncated_answer_is_told_from_a_complete_one(self):
        client = self.client()
        for said in (b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
            stream = client.request("/")
            got = self.backend.next()
            got.say(b"HTTP/1.1 200 OK\r\n" + said)
            got.close()
            answer = client.answer(stream)
            self.assertEqual((answer.body, answer.end), (b"abc", h2.errors.ErrorCodes.INTERNAL_ERROR))

    def test_a_backend_that_is_none_is_a_502(self):
        client = self.client()
        stream = client.request("/")
        self.backend.next().close()
        self.assertEqual(client.answer(stream).status, 502)

    def test_an_early_answer_stops_an_upload(self):
        client = self.client()
        stream = client.request("/", "POST", end=False)
        self.backend.next().answer(b"enough", status="413 Too Much")
        client.until(lambda: client.streams[stream].end is not None)
        self.assertEqual((client.streams[stream].status, client.streams[stream].body), (413, b"enough"))

    def test_malformed_requests_never_arrive(self):
        for fields in ([("transfer-encoding", "chunked")], [("connection", "close")], [("x-a", "b\r\nx-c: d")],
                       [("x-a", "b\0")], [("Upper", "x")], [("x:y", "z")], [("content-length", "5")],
                       [("upgrade", "websocket")], [("host", "other.example")], [("te", "gzip")]):
            with self.subTest(fields=fields):
                client = self.client()
                answer = client.answer(client.request("/never", fields=fields))
                self.assertTrue(answer.status == 400 or answer.end in (1, 2), (answer.status, answer.end))
        self.assertTrue(self.backend.requests.empty())

    def test_a_slow_reader_of_one_stream_stops_no_other(self):
        client = self.client(window=2**30)
        slow = client.request("/slow")
        client.hold.add(slow)
        got = self.backend.next()
        threading.Thread(target=lambda: got.answer(b"s" * BIG), daemon=True).start()
        client.until(lambda: len(client.streams[slow].body) >= 65535)
        for _ in range(3):
            other = client.request("/quick")
            self.backend.next().answer(b"q" * 100_000)
            self.assertEqual(len(client.answer(other).body), 100_000)
        self.assertLess(len(client.streams[slow].body), 100_000)
        client.hold.clear()
        client.give_back(slow, len(client.streams[slow].body))
        self.assertEqual(client.answer(slow, 60).body, b"s" * BIG)


class Streams(Http2Cases):
    """Event streams over HTTP/2."""

    listener = TRANSLATE

    def open(self, client, path="/sse", method="GET"):
        stream = client.request(path, method, fields=[("accept", "text/event-stream")])
        got = self.backend.next()
        got.open_stream()
        return stream, got

    def test_a_silent_stream_is_kept_alive(self):
        client = self.client()
        stream, got = self.open(client, "/silent")
        client.until(lambda: client.streams[stream].body.count(b": heartbeat\n\n") >= 3)
        self.assertEqual(client.streams[stream].get("content-type"), "text/event-stream")
        got.say(b"data: 1\n\n")
        got.close()
        answer = client.answer(stream)
        self.assertEqual((data_of(answer.body), answer.end), (b"data: 1\n\n", "complete"))
        closed = self.sidecar.wait_for_line(event="stream_close", path="/silent", reason="complete")
        self.assertEqual(closed["events"], 1)
        self.assertGreaterEqual(closed["heartbeats"], 3)

    def test_nothing_is_inserted_in_the_middle_of_an_event(self):
        client = self.client()
        stream, got = self.open(client)
        got.say(b"data: half")
        time.sleep(seconds(1))  # three heartbeats' time
        got.say(b" whole\n\n")
        client.until(lambda: b"whole" in client.streams[stream].body)
        self.assertIn(b"data: half whole\n\n", client.streams[stream].body)

    def test_a_hundred_on_one_connection(self):
        client = self.client(window=2**28)
        opened = [self.open(client, f"/sse/{number}") for number in range(100)]
        client.until(lambda: all(client.streams[stream].body.count(b": heartbeat") >= 2 for stream, _ in opened))
        expected = b"".join(b"id: %d\ndata: %s\n\n" % (number, b"x" * number) for number in range(50))
        for number in range(50):
            for _, got in opened:
                got.say(b"id: %d\ndata: %s\n\n" % (number, b"x" * number))
        for stream, _ in opened:
            client.until(lambda stream=stream: client.streams[stream].body.count(b"id: ") == 50
                         and client.streams[stream].body.endswith(b"\n\n"), 60)
            self.assertEqual(data_of(client.streams[stream].body), expected)

    def test_a_cancelled_stream_leaves_the_backend_at_once(self):
        client = self.client()
        stream, got = self.open(client)
        other, kept = self.open(client)
        client.until(lambda: b": heartbeat" in client.streams[stream].body)
        client.cancel(stream)
        self.assertTrue(got.gone())
        kept.say(b"data: still\n\n")
        client.until(lambda: b"still" in client.streams[other].body)

    def test_a_backend_that_breaks_off_is_no_clean_end(self):
        client = self.client()
        stream = client.request("/sse")
        got = self.backend.next()
        got.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"9\r\ndata: 1\n\n\r\n")
        client.until(lambda: b"data: 1" in client.streams[stream].body)
        got.close()
        self.assertEqual(client.answer(stream).end, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self.sidecar.wait_for_line(event="stream_close", reason="upstream_truncated")

    def test_a_break_leaves_time_to_read_what_came_before_it(self):
        """Chromium throws away data that it finds together with a RST_STREAM."""
        client = self.client()
        for _ in range(5):
            stream = client.request("/sse")
            got = self.backend.next()
            got.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"9\r\ndata: 1\n\n\r\n")
            got.close()
            client.until(lambda stream=stream: b"data: 1" in client.streams[stream].body)
            self.assertIsNone(client.streams[stream].end)
            self.assertEqual(client.answer(stream).end, h2.errors.ErrorCodes.INTERNAL_ERROR)


class Limits(Http2Cases):
    listener = TRANSLATE

    def test_the_limits_are_announced(self):
        client = self.client()
        client.answer(self.ask(client))
        settings = client.h2.remote_settings
        self.assertEqual(settings.max_concurrent_streams, 128)
        self.assertEqual(settings.max_header_list_size, 32 * 1024)

    def ask(self, client, **options):
        stream = client.request("/ok", **options)
        self.backend.next().answer(b"ok")
        return stream

    def served(self):
        """Another client is."""
        client = self.client()
        return client.answer(self.ask(client)).status == 200

    def test_a_head_that_is_too_long_is_answered(self):
        client = self.client()
        stream = client.request("/never", fields=[(f"x-{number}", "y" * 1000) for number in range(40)])
        self.assertEqual(client.answer(stream).status, 431)

    def test_rapid_resets_end_the_connection_and_nobody_elses(self):
        client = self.client()
        try:
            for _ in range(2000):
                client.cancel(client.request("/never"))
        except OSError:
            pass
        client.until_closed()
        self.assertEqual(client.goaway, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
        other = self.client()
        stream = other.request("/served")
        while (got := self.backend.next()).path != "/served":
            got.close()
        got.answer(b"ok")
        self.assertEqual(other.answer(stream).status, 200)

    def test_a_flood_of_pings_ends_the_connection(self):
        client = self.client()
        try:
            for _ in range(50):  # Many at once: one by one they are answered as they come, and none waits.
                for _ in range(4000):
                    client.h2.ping(b"12345678")
                client.flush()
        except (OSError, h2.exceptions.ProtocolError):
            pass
        self.assertTrue(self.served())
        self.sidecar.wait_for_line(event="request", reason="protocol_error")

    def test_a_head_that_never_ends_is_given_up(self):
        sidecar = self.systems.sidecar(self.backend.port, listener=TRANSLATE,
                                       config={"limits": {"head_timeout": "500ms"}})
        client = Client(sidecar.port)
        self.addCleanup(client.socket.close)
        client.socket.sendall(b"\0\0\x10\1\5\0\0\0\1" + b"\x82")  # HEADERS of 16 bytes, and one of them
        began = time.monotonic()
        with self.assertRaises(ConnectionResetError):
            while client.socket.recv(1000):
                pass
        self.assertLess(time.monotonic() - began, seconds(5))
        sidecar.wait_for_line(event="request", reason="protocol_error")


class Drain(Http2Cases):
    listener = TRANSLATE

    def test_requests_finish_streams_end_and_the_client_is_told(self):
        client = self.client()
        plain = client.request("/plain")
        waiting = self.backend.next()
        stream = client.request("/sse")
        got = self.backend.next()
        got.open_stream()
        got.say(b"data: 1\n\n")
        client.until(lambda: b"data: 1" in client.streams[stream].body)
        self.sidecar.process.send_signal(signal.SIGTERM)
        client.until(lambda: client.streams[stream].end is not None)
        self.assertEqual(client.streams[stream].end, "complete")
        self.assertRegex(data_of(client.streams[stream].body), rb"^data: 1\n\nretry: ?\d+\n")
        waiting.answer(b"done")
        self.assertEqual(client.answer(plain).body, b"done")
        client.until_closed()
        self.assertEqual(client.goaway, h2.errors.ErrorCodes.NO_ERROR)
        self.assertEqual(self.sidecar.process.wait(seconds(10)), 0)


if __name__ == "__main__":
    main()
