"""Ordinary answers of legacy applications pass untouched: the same request straight to the backend and through
the sidecar, compared."""

import json

from harness import Case, main, seconds
from wire import Connection, fetch

# What belongs to one connection, or to the moment.
OF_THE_HOP = {"connection", "keep-alive", "transfer-encoding", "date"}


def untouched(response):
    """All that a client may rely on, every field of the head in its place."""
    fields = [(name, value) for name, value in response.fields if name.lower() not in OF_THE_HOP]
    return {"status": response.status, "reason": response.reason, "fields": fields, "body": response.body,
            "end": response.end}


class ComparedCases(Case):
    @classmethod
    def start(cls, systems):
        cls.backend = cls.serve(systems)
        cls.sidecar = systems.sidecar(cls.backend.port)

    def same(self, target, method="GET", fields=(), body=b"", version="HTTP/1.1"):
        """Asks both ways, insists on the same answer, and returns the one that came through the sidecar."""
        straight = fetch(self.backend.port, target, method, fields, body, version)
        through = fetch(self.sidecar.port, target, method, fields, body, version)
        if method == "GET" and untouched(through) != untouched(straight):  # A cookie's second may have passed between.
            straight = fetch(self.backend.port, target, method, fields, body, version)
        self.assertEqual(untouched(through), untouched(straight), f"{method} {target}")
        return through


class PortalCases(ComparedCases):
    def test_an_expired_token_keeps_its_401(self):
        answer = self.same("/api/generate/stream/expired", fields={"Accept": "text/event-stream"})
        self.assertEqual((answer.status, json.loads(answer.body)["error"]), (401, "token expired"))
        self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="portal", error="invalid_token"')

    def test_an_expired_token_keeps_its_401_when_it_comes_late(self):
        answer = self.same("/api/generate/stream/expired?late=1&access_token=e%2Bx",
                           fields={"Accept": "text/event-stream"})
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.all("X-Accel-Buffering"), [])

    def test_an_error_that_calls_itself_an_event_stream_has_no_heartbeats(self):
        answer = self.same("/api/generate/stream/busy", fields={"Accept": "text/event-stream"})
        self.assertEqual((answer.status, answer.body, answer.get("Retry-After")), (503, b"busy\n", "7"))

    def test_errors_pass(self):
        for target, status in [("/missing", 404), ("/api/generate/stream/unknown", 404), ("/forbidden", 403),
                               ("/session/me", 401)]:
            self.assertEqual(self.same(target).status, status)
        self.assertEqual(self.same("/api/sleep", method="PUT").status, 405)

    def test_strange_statuses_and_fields_pass(self):
        answer = self.same("/teapot")
        self.assertEqual((answer.status, answer.reason), (418, "I'm a little teapot"))
        self.assertEqual((answer.all("X-Empty"), answer.all("X-Latin")), ([""], ["gr\u00fc\u00dfe"]))

    def test_redirects_and_every_cookie_pass(self):
        answer = self.same("/old-address")
        self.assertEqual((answer.status, answer.get("Location")), (302, "/session/me?from=old%20address"))
        self.assertEqual([cookie.split("=")[0] for cookie in answer.all("Set-Cookie")], ["theme", "lang", "seen"])
        self.assertEqual(len(answer.all("Link")), 2)

    def test_a_session_is_kept_from_login_to_page(self):
        form = "user=J%C3%BCrgen&password=s%C3%A4sam+%26+co%3D1".encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        login = fetch(self.sidecar.port, "/session/login", "POST", kind, form)
        self.assertEqual((login.status, login.get("Location")), (303, "/session/me"))
        cookie = login.get("Set-Cookie").split(";")[0]
        answer = self.same("/session/me", fields={"Cookie": f"other=1; {cookie}"})
        self.assertEqual(json.loads(answer.body), {"user": "J\u00fcrgen"})
        self.assertEqual(self.same("/session/login", "POST", kind, b"user=x&password=wrong").status, 401)

    def test_a_json_api_is_asked_what_was_sent(self):
        body = json.dumps({"text": "\u6587 & <>", "list": [1, None]}).encode()
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = self.same("/api/echo?a=1&a=%2B+&empty=&b", method,
                               {"Content-Type": "application/json", "X-Tenant": "t1"}, body)
            echoed = json.loads(answer.body)
            self.assertEqual((echoed["method"], echoed["length"], echoed["json"]),
                             (method, len(body), json.loads(body)))
            self.assertEqual(echoed["query"], "a=1&a=%2B+&empty=&b")

    def test_a_target_in_raw_utf_8_passes(self):
        target = "/api/echo/\u00fcmlaut/\u6587?q=\u00fc".encode()
        self.assertEqual(json.loads(self.same(target).body)["method"], "GET")

    def test_a_body_without_a_length_gets_none(self):
        answer = self.same("/api/echo", "DELETE")
        self.assertEqual(json.loads(answer.body)["length"], 0)

    def test_head_has_the_head_of_get(self):
        for target in ("/", "/report", "/files/style.css", "/missing"):
            self.assertEqual(self.same(target, "HEAD").body, b"")

    def test_head_of_an_event_stream_ends_at_once(self):
        with Connection(self.sidecar.port) as connection:
            answer = connection.request("HEAD", "/api/generate/stream/mine", {"Accept": "text/event-stream"})
            self.assertEqual(answer.status, 200)
            self.assertEqual(connection.request("GET", "/").status, 200, "the connection should still be in step")

    def test_options_says_what_is_allowed(self):
        answer = self.same("/api/echo", "OPTIONS",
                           {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"})
        self.assertEqual(set(answer.get("Allow").split(", ")),
                         {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

    def test_no_content_has_none(self):
        for method in ("GET", "POST", "DELETE"):
            self.assertEqual(self.same("/empty", method, {"Accept": "text/event-stream"}).status, 204)

    def test_files_are_not_sent_twice(self):
        first = self.same("/files/style.css")
        self.assertIn("color", first.body.decode())
        again = self.same("/files/style.css", fields={"If-None-Match": first.get("ETag")})
        self.assertEqual((again.status, again.body), (304, b""))
        again = self.same("/files/style.css", fields={"If-Modified-Since": first.get("Last-Modified")})
        self.assertEqual(again.status, 304)
        self.assertEqual(self.same("/files/style.css", fields={"If-None-Match": '"other"'}).status, 200)

    def test_a_range_is_a_range(self):
        answer = self.same("/report", fields={"Range": "bytes=100-199"})
        self.assertEqual((answer.status, len(answer.body)), (206, 100))
        self.assertRegex(answer.get("Content-Range"), r"^bytes 100-199/\d+$")
        self.assertEqual(self.same("/report", fields={"Range": "bytes=99999999-"}).status, 416)

    def test_compressed_answers_stay_compressed(self):
        answer = self.same("/compressed", fields={"Accept-Encoding": "gzip, br"})
        self.assertEqual((answer.get("Content-Encoding"), answer.body[:2]), ("gzip", b"\x1f\x8b"))
        self.assertIsNone(self.same("/compressed").get("Content-Encoding"))

    def test_a_request_of_http_1_0_is_answered(self):
        for target in ("/", "/download?mb=1", "/download?mb=1&counted=1", "/forbidden"):
            answer = fetch(self.sidecar.port, target, version="HTTP/1.0")
            straight = fetch(self.backend.port, target, version="HTTP/1.0")
            self.assertEqual((answer.status, answer.body, answer.end), (straight.status, straight.body, "complete"))
            self.assertEqual(answer.all("Transfer-Encoding"), [])

    def test_pipelined_requests_are_answered_in_order(self):
        with Connection(self.sidecar.port) as connection:
            post = b"POST /api/echo HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\nhello"
            targets = ["/api/echo?n=0", "/api/sleep?for=0.2", "/missing", "/files/style.css", "/api/echo?n=4"]
            gets = [f"GET {target} HTTP/1.1\r\nHost: p\r\n\r\n".encode() for target in targets]
            connection.send(b"".join(gets[:4]) + post + gets[4])
            answers = [connection.response() for _ in range(1)]
            answers[0].read()
            for _ in range(5):
                answers.append(connection.response())
                answers[-1].read()
        self.assertEqual([answer.status for answer in answers], [200, 200, 404, 200, 200, 200])
        self.assertEqual(json.loads(answers[0].body)["query"], "n=0")
        self.assertEqual(json.loads(answers[1].body), {"slept": True})
        self.assertEqual(json.loads(answers[4].body)["length"], 5)
        self.assertEqual(json.loads(answers[5].body)["query"], "n=4")

    def test_an_ordinary_exchange_is_one_line_in_the_log(self):
        self.same("/api/echo?log=me&token=geheim")
        line = self.sidecar.wait_for_line(event="request", status=200, method="GET",
                                          path=self.logged("/api/echo?log=me&token="))
        self.assertNotIn("geheim", json.dumps(line))

    def logged(self, start):
        """The logged path that begins so: how a secret is blotted out is the log's own affair."""
        class Beginning(str):
            __hash__ = str.__hash__

            def __eq__(self, other):
                return isinstance(other, str) and other.startswith(str(self))
        return Beginning(start)


class GunicornThreads(PortalCases):
    @classmethod
    def serve(cls, systems):
        return systems.gunicorn(worker="gthread")


class GunicornSync(PortalCases):
    @classmethod
    def serve(cls, systems):
        return systems.gunicorn(worker="sync", workers=2)


class FlaskDevelopmentServer(PortalCases):
    @classmethod
    def serve(cls, systems):
        return systems.flask_dev()


class Node(ComparedCases):
    @classmethod
    def serve(cls, systems):
        return systems.node("plain")

    def asked(self, target, method="GET", fields=(), body=b""):
        answer = fetch(self.sidecar.port, target, method, fields, body)
        self.assertEqual((answer.status, answer.end), (200, "complete"), f"{method} {target}")
        return json.loads(answer.body)

    def test_the_backend_sees_the_fields_that_were_sent(self):
        fields = [("Host", "portal.example:8443"), ("user-agent", "legacy/1"), ("X-Mixed-CASE", "a"),
                  ("X-Twice", "1"), ("X-Twice", "2"), ("Cookie", "a=1; b=2"), ("Accept", "*/*"),
                  ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("Last-Event-ID", "41"),
                  ("Authorization", "Bearer abc"), ("Accept-Encoding", "gzip, br"), ("X-Empty", ""),
                  ("X-Latin", "gr\u00fc\u00dfe")]
        seen = self.asked("/echo", fields=fields)["fields"]
        pairs = [pair for pair in zip(seen[::2], seen[1::2]) if pair[0].lower() not in OF_THE_HOP]
        self.assertEqual(sorted(pairs), sorted(fields))
        self.assertEqual([value for name, value in pairs if name == "X-Twice"], ["1", "2"])

    def test_fields_of_the_hop_stay_behind(self):
        fields = [("Connection", "keep-alive, X-Private"), ("X-Private", "1"), ("Keep-Alive", "timeout=9"),
                  ("Proxy-Connection", "close"), ("TE", "trailers"), ("X-Public", "1")]
        seen = self.asked("/echo", fields=fields)["fields"]
        names = {name.lower() for name in seen[::2]}
        self.assertIn("x-public", names)
        self.assertFalse(names & {"x-private", "keep-alive", "proxy-connection"}, names)

    def test_who_asks_for_a_stream_gets_no_compression(self):
        fields = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, br"}
        seen = self.asked("/echo", fields=fields)["fields"]
        self.assertNotIn("accept-encoding", [name.lower() for name in seen[::2]])

    def test_the_target_passes_byte_for_byte(self):
        for target in [b"/a%2Fb/%2e%2e/c;x=1?q=%2B+a&empty=&&b=%C3%A9", b"//double//slash/", b"/dots/../up/./here",
                       b"/q?a=[1]&b={2}|^`", b"/?", b"/x?a=b?c"]:
            self.assertEqual(bytes.fromhex(self.asked(target)["target"]), target)

    def test_an_absolute_target_reaches_the_same_page(self):
        self.assertIn(b"/page?x=1", bytes.fromhex(self.asked("http://portal.example/page?x=1")["target"]))

    def test_an_asterisk_is_a_target(self):
        self.assertEqual(bytes.fromhex(self.asked("*", "OPTIONS")["target"]), b"*")

    def test_chunks_of_a_request_become_a_body(self):
        body = b"5;name=value\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n"
        with Connection(self.sidecar.port) as connection:
            answer = connection.request("POST", "/echo", {"Transfer-Encoding": "chunked"}, body)
            seen = json.loads(answer.read())
            self.assertEqual(seen["length"], 12)
            again = connection.request("GET", "/echo")
            self.assertEqual(json.loads(again.read())["length"], 0)

    def test_trailers_pass_both_ways(self):
        answer = fetch(self.sidecar.port, "/trailers")
        self.assertEqual((answer.body, answer.end), (b"body with a checksum behind it", "complete"))
        with Connection(self.sidecar.port) as connection:
            body = b"3\r\nabc\r\n0\r\nX-Checksum: 900150983cd24fb0\r\n\r\n"
            answer = connection.request("POST", "/echo",
                                        {"Transfer-Encoding": "chunked", "Trailer": "X-Checksum"}, body)
            self.assertEqual(json.loads(answer.read())["trailers"], ["X-Checksum", "900150983cd24fb0"])

    def test_early_hints_pass(self):
        answer = fetch(self.sidecar.port, "/hints")
        self.assertEqual((answer.interim, answer.status, answer.body), ([103], 200, b"after the hints"))

    def test_a_connection_is_used_again(self):
        with Connection(self.sidecar.port) as connection:
            for number in range(20):
                answer = connection.request("POST" if number % 3 == 0 else "GET", f"/echo?n={number}",
                                            body=b"x" * number if number % 3 == 0 else b"")
                seen = json.loads(answer.read())
                self.assertEqual(bytes.fromhex(seen["target"]), f"/echo?n={number}".encode())
                self.assertEqual(answer.all("Set-Cookie"), ["a=1; Path=/", "b=2; HttpOnly"])

    def test_close_is_honoured(self):
        with Connection(self.sidecar.port) as connection:
            answer = connection.request("GET", "/echo", {"Connection": "close"})
            answer.read()
            self.assertEqual(answer.get("Connection"), "close")
            self.assertEqual(connection.read_some(1), b"")

    def test_an_answer_before_the_body_ends_both_connections(self):
        """413 to a large upload that has only begun: the client has its answer at once, and a closed connection
        behind it."""
        with Connection(self.sidecar.port, timeout=5) as connection:
            connection.send(b"POST /refuse HTTP/1.1\r\nHost: p\r\nContent-Length: 300000000\r\n\r\n" + b"x" * 1000)
            answer = connection.response("POST")
            self.assertEqual((answer.status, answer.read()), (413, b"too much"))
            try:
                self.assertEqual(connection.read_some(1), b"")
            except ConnectionResetError:
                pass


if __name__ == "__main__":
    main()
