"""What a page sees of a stream that lives: its opening, long silence, planned and abnormal ends, other origins."""

import json
import time

from chromium import CLOSED, CONNECTING, HOST, OPEN, PATIENCE, BrowserCases, gone_within, ms
from harness import HEARTBEAT, READ_TIMEOUT, SILENCE, Front, main, seconds

RETRY = 0.3
SLOWER = 3  # than in systems: all times of the login alike, for a browser's start can stop a small machine for a second
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n" \
          b"Connection: close\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def told(stream):
    return [(event["type"], event["data"]) for event in stream["events"]]


class Opening(BrowserCases):
    @classmethod
    def routes(cls):
        return {"told": {"opening": {"comment": "welcome", "event": "connected", "data": '{"by":"sidecar"}',
                                     "retry": ms(RETRY)}},
                "quiet": {"opening": {"comment": "welcome"}, "heartbeat": {"interval": "1h"}},
                "plain": {}}

    def test_a_page_knows_before_the_backend_has_said_anything(self):
        page = self.page()
        page.listen("told", "/told/1", "connected")
        self.backend.next("/told/1").open_stream()
        stream = page.until("told", opens=1, events=1)
        self.assertEqual(told(stream), [("connected", '{"by":"sidecar"}')])
        self.assertEqual(stream["events"][0]["id"], "")

    def test_retry_is_the_pace_at_which_a_page_comes_back(self):
        page = self.page()
        page.listen("told", "/told/2", "connected")
        pauses = []
        for times in range(1, 5):
            request = self.backend.next("/told/2")
            if times > 1:
                pauses.append(request.at - closed)
            request.open_stream()
            page.until("told", opens=times, events=times)
            closed = time.monotonic()
            request.close()
        self.assertGreaterEqual(min(pauses), seconds(RETRY) - 0.05, pauses)
        self.assertLess(min(pauses), 2.5, "Chromium's own pace is three seconds")

    def test_a_comment_is_there_at_once_and_is_no_event(self):
        page = self.page()
        page.listen("quiet", "/quiet/3")
        request = self.backend.next("/quiet/3")
        request.open_stream()
        page.until("quiet", opens=1)
        deadline = time.monotonic() + seconds(PATIENCE)
        while page.heads("/quiet/3", 1)[0]["bytes"] < len(": welcome\n\n"):
            self.assertLess(time.monotonic(), deadline, "the comment never came")
        request.say(b"data: 1\n\n")
        self.assertEqual(told(page.until("quiet", events=1)), [("message", "1")])


class Silence(BrowserCases):
    """A login page: one event, a long silence, the result; a real nginx with HTTP/2 and a short patience in front."""

    @classmethod
    def routes(cls):
        return {"login": {"heartbeat": {"interval": ms(SLOWER * HEARTBEAT)}, "opening": {"retry": "1h"}},
                "mute": {"heartbeat": "off", "opening": {"retry": "1h"}}}

    @classmethod
    def start(cls, systems):
        super().start(systems)
        cls.front = Front(cls.sidecar.port, tls=True, read_timeout=SLOWER * READ_TIMEOUT)
        systems.nginx(cls.front)
        cls.origin = f"https://{HOST}:{cls.front.port}"

    def login(self, page, name):
        page.listen(name, f"/{name}/1")
        request = self.backend.next(f"/{name}/1")
        request.open_stream()
        request.say(b"data: code\n\n")
        page.until(name, opens=1, events=1)
        return request

    def test_heartbeats_keep_a_login_that_nginx_would_cut(self):
        page = self.page()
        login, mute = self.login(page, "login"), self.login(page, "mute")
        self.assertTrue(mute.gone())
        page.until("mute", errors=1)
        silent_until = time.monotonic() + seconds(SLOWER * SILENCE)
        while time.monotonic() < silent_until:
            state = page.state("login")
            self.assertEqual(state["readyState"], OPEN, state)
            time.sleep(0.05)
        login.say(b"data: welcome\n\n")
        stream = page.until("login", events=2)
        self.assertEqual((told(stream), len(stream["opens"]), stream["errors"]),
                         ([("message", "code"), ("message", "welcome")], 1, []))
        self.assertEqual(told(page.state("mute")), [("message", "code")])
        self.assertEqual({head["protocol"] for head in page.heads("/login/", 1)}, {"h2"})


class MaxAgeCases(BrowserCases):
    ROTATIONS = 3

    @classmethod
    def routes(cls):
        return {"aged": {"max_age": {"after": ms(0.6), "retry": [ms(0.1), ms(0.2)]}}}

    def test_rotation_loses_nothing_and_repeats_nothing(self):
        page = self.page()
        page.listen("aged", "/aged/1")
        sent, arrivals = 0, []
        while len(arrivals) <= self.ROTATIONS:
            request = self.backend.next("/aged/1")
            arrivals.append(request.at)
            # The backend goes on behind what the page has seen; what it sent to a stream that ended is sent again.
            sent = int(request.get("Last-Event-ID") or 0)
            request.open_stream()
            while not gone_within(request, 0.01):
                self.assertLess(time.monotonic() - request.at, seconds(PATIENCE), "it never grows old")
                sent += 1
                try:
                    request.say(b"id: %d\ndata: some\ndata: %d\n\n" % (sent, sent))
                except OSError:
                    break  # gone meanwhile
        stream = page.until("aged", errors=self.ROTATIONS)
        seen = [event["data"] for event in stream["events"]]
        self.assertGreater(len(seen), 10 * self.ROTATIONS)
        self.assertEqual(seen, [f"some\n{number}" for number in range(1, len(seen) + 1)])
        self.assertEqual({error["readyState"] for error in stream["errors"]}, {CONNECTING})
        ages = [later - earlier for earlier, later in zip(arrivals, arrivals[1:])]
        self.assertGreater(min(ages), seconds(0.6), ages)
        self.assertLess(min(ages), seconds(0.6) + 2.5, "Chromium's own pace would be three seconds")


class MaxAge(MaxAgeCases):
    pass


class MaxAgeHttp2(MaxAgeCases):
    tls, http2 = True, "translate"


class EndEventCases(BrowserCases):
    @classmethod
    def routes(cls):
        opening = {"retry": ms(RETRY)}
        return {"told": {"end_event": {"event": "stream_end"}, "opening": opening}, "plain": {"opening": opening}}

    def broken(self, page, name, bytes_before):
        """A stream whose backend breaks off behind these bytes, and comes back."""
        page.listen(name, f"/{name}/1", "stream_end")
        request = self.backend.next(f"/{name}/1")
        request.say(CHUNKED + chunk(b"data: 1\n\n"))
        page.until(name, events=1)
        request.say(chunk(bytes_before) if bytes_before else b"")
        request.close()
        self.backend.next(f"/{name}/1").close()  # it comes back: what it was told was no end for ever
        return page.state(name)

    def test_a_page_is_told_before_an_abnormal_end(self):
        stream = self.broken(self.page(), "told", b"")
        self.assertEqual([kind for kind, _ in told(stream)], ["message", "stream_end"])
        self.assertIn(json.loads(told(stream)[1][1]), ({"reason": "upstream_truncated"}, {"reason": "upstream_reset"}))
        self.assertEqual(stream["errors"][0]["readyState"], CONNECTING)

    def test_without_it_the_end_looks_like_any(self):
        self.assertEqual(told(self.broken(self.page(), "plain", b"")), [("message", "1")])

    def test_half_an_event_is_never_made_whole(self):
        self.assertEqual(told(self.broken(self.page(), "told", b"data: half\n")), [("message", "1")])

    def test_a_clean_end_is_not_told(self):
        page = self.page()
        page.listen("clean", "/told/clean", "stream_end")
        request = self.backend.next("/told/clean")
        request.say(CHUNKED + chunk(b"data: 1\n\n") + b"0\r\n\r\n")
        self.assertEqual(told(page.until("clean", events=1, errors=1)), [("message", "1")])


class EndEvent(EndEventCases):
    pass


class EndEventHttp2(EndEventCases):
    tls, http2 = True, "translate"


class Cors(BrowserCases):
    """A page of another origin, of the same site so that cookies are its own too; the backend knows nothing of CORS."""

    @classmethod
    def start(cls, systems):
        super().start(systems)
        cls.elsewhere = f"http://app.{HOST}:{cls.backend.port}"

    @classmethod
    def routes(cls):
        return {name: {} for name in ("read", "private", "others", "plain")}

    @classmethod
    def more(cls, name):
        mine = f"http://app.{HOST}:{cls.backend.port}"
        return {"read": {"cors": {"origins": [mine]}},
                "private": {"cors": {"origins": [mine], "credentials": True}},
                "others": {"cors": {"origins": ["https://other.example"]}}}.get(name, {})

    def foreign_page(self):
        page = self.browser.page(self.elsewhere + "/page")
        self.addCleanup(page.close)
        return page

    def listen(self, name, credentials=False, fields=b""):
        """Opens a stream of the sidecar's origin from a page of another one."""
        page, path = self.foreign_page(), f"/{name}/{self._testMethodName}"
        page.listen(name, self.origin + path, credentials=credentials)
        request = self.backend.next(path)
        request.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n" + fields +
                    b"\r\ndata: secret\n\n")
        return page, request

    def assert_closed(self, page, name):
        stream = page.until(name, readyState=CLOSED)
        self.assertEqual((stream["opens"], stream["events"]), ([], []))

    def test_a_page_that_is_named_reads(self):
        page, request = self.listen("read")
        self.assertEqual(told(page.until("read", opens=1, events=1)), [("message", "secret")])
        self.assertEqual(request.get("Origin"), self.elsewhere)

    def test_credentials_where_they_are_allowed(self):
        self.backend.page_fields = "Set-Cookie: session=7\r\n"
        self.page()  # of the sidecar's own origin: it logs in
        page, request = self.listen("private", credentials=True)
        self.assertEqual(request.get("Cookie"), "session=7")
        self.assertEqual(told(page.until("private", events=1)), [("message", "secret")])

    def test_credentials_where_they_are_not(self):
        self.assert_closed(self.listen("read", credentials=True)[0], "read")

    def test_others_read_nothing(self):
        for name in ("others", "plain"):
            self.assert_closed(self.listen(name)[0], name)

    def test_what_the_backend_says_itself_is_not_doubled(self):
        page, _ = self.listen("read", fields=b"Access-Control-Allow-Origin: *\r\n")
        page.until("read", opens=1, events=1)
        twice = b"Access-Control-Allow-Origin: *\r\n" * 2
        self.assert_closed(self.listen("plain", fields=twice)[0], "plain")  # what a browser makes of two


if __name__ == "__main__":
    main()
