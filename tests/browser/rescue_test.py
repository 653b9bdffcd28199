"""What would close an EventSource for ever, or keep it waiting: early_open, error_event, unavailable."""

import json
import time

from chromium import CLOSED, CONNECTING, HEARTBEAT, OPEN, SEEN_HEARTBEAT, BrowserCases, ms
from harness import main, seconds

EARLY = 0.5   # seconds until a stream is opened for a backend that does not answer
RETRY = 0.3   # seconds until a page comes back
LEAKY = b"\n\ndata: raw\n\nevent: upstream_error\ndata: raw\n\n"  # an answer whose bytes a page would take for events
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"


def refuse(request, body=LEAKY, kind=b"text/html"):
    request.say(REFUSED % (kind, len(body), body))
    request.close()


def of(stream, kind):
    return [event["data"] for event in stream["events"] if event["type"] == kind]


class EarlyOpenCases(BrowserCases):
    @classmethod
    def routes(cls):
        event = {"event": "upstream_error", "retry": ms(RETRY)}
        return {"early": {"early_open": {"after": ms(EARLY)}, "error_event": event, "heartbeat": SEEN_HEARTBEAT},
                "plain": {"heartbeat": SEEN_HEARTBEAT}}

    def late(self, name):
        """A page whose stream was opened early, and the request that still waits for its answer."""
        page = self.page()
        page.listen(name, f"/early/{name}", "upstream_error", "heartbeat")
        request = self.backend.next(f"/early/{name}")
        page.until(name, opens=1, readyState=OPEN)
        return page, request

    def test_a_slow_backend_leaves_a_page_connecting_and_the_feature_opens_it(self):
        page = self.page()
        page.listen("plain", "/plain/slow", "heartbeat")
        plain = self.backend.next("/plain/slow")
        page.listen("early", "/early/slow", "heartbeat")
        early = self.backend.next("/early/slow")
        opened = page.until("early", opens=1, readyState=OPEN)["opens"][0]["at"] / 1000
        self.assertGreaterEqual(opened, seconds(EARLY) - 0.06)  # deadlines fire up to 50 ms early
        self.assertLess(opened, seconds(EARLY + 2))
        page.until("early", events=3, of=["heartbeat"])
        waiting = page.state("plain")
        self.assertEqual((waiting["readyState"], waiting["opens"], waiting["errors"]), (CONNECTING, [], []))
        for request in (plain, early):
            request.open_stream()
            request.say(b"data: at last\n\n")
        for name in ("plain", "early"):
            stream = page.until(name, events=1, of=["message"], readyState=OPEN)
            self.assertEqual((of(stream, "message"), len(stream["opens"])), (["at last"], 1))

    def test_a_late_stream_is_spliced_in_whole(self):
        page, request = self.late("whole")
        request.open_stream()
        request.say(b"\xef\xbb\xbfid: 1\r\ndata: first\r\ndata: line two\r\n\r\n")  # with a byte order mark
        page.until("whole", events=1, of=["message"])
        request.say(b"event: upstream_error\ndata: the backend's own\n\nda")
        page.until("whole", events=1, of=["upstream_error"])
        request.say(b"ta: third\n\n")
        stream = page.until("whole", events=2, of=["message"])
        self.assertEqual([(event["type"], event["data"], event["id"])
                          for event in stream["events"] if event["type"] != "heartbeat"],
                         [("message", "first\nline two", "1"), ("upstream_error", "the backend's own", "1"),
                          ("message", "third", "1")])
        self.assertEqual((len(stream["opens"]), stream["errors"]), (1, []))

    def test_what_is_late_and_no_stream_is_one_event(self):
        cases = {"refused": (b"401 Unauthorized", b"text/html", LEAKY),
                 "json": (b"200 OK", b"application/json", b'{"error":"no \\u00fc"}'),
                 "page": (b"200 OK", b"text/html; charset=utf-8", b"<html>\n\ndata: raw\n\n"),
                 "broken": (b"503 Service Unavailable", b"text/event-stream", LEAKY)}
        for name, (status, kind, body) in cases.items():
            with self.subTest(name):
                page, request = self.late(name)
                request.say(b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nSet-Cookie: late=1\r\n"
                            b"Connection: close\r\n\r\n%s" % (status, kind, len(body), body))
                request.close()
                stream = page.until(name, events=1, of=["upstream_error"], errors=1)
                code, reason = status.decode().split(" ", 1)
                self.assertEqual([json.loads(data) for data in of(stream, "upstream_error")],
                                 [{"status": int(code), "reason": reason, "content_type": kind.decode(),
                                   "body": body.decode()}])
                self.assertEqual((of(stream, "message"), stream["errors"][0]["readyState"]), ([], CONNECTING))
                again = self.backend.next(f"/early/{name}")  # the page comes back
                self.assertIsNone(again.get("Last-Event-ID"))
                page.close()
                self.assertTrue(again.gone())

    def test_a_backend_that_breaks_off_is_told_too(self):
        page, request = self.late("gone")
        request.close()
        stream = page.until("gone", events=1, of=["upstream_error"], errors=1)
        self.assertEqual(json.loads(of(stream, "upstream_error")[0])["status"], 502)

    def test_a_page_that_leaves_while_it_waits_is_gone_for_the_backend_too(self):
        for path in ("/plain/left", "/early/left"):
            page = self.page()
            page.listen("left", path)
            request = self.backend.next(path)
            page.close()
            self.assertTrue(request.gone(), path)
            self.sidecar.wait_for_line(path=path, reason="client_gone")

    def test_a_quick_refusal_stays_one(self):
        page = self.page()
        page.listen("quick", "/early/quick", "upstream_error", "heartbeat")
        refuse(self.backend.next("/early/quick"))
        stream = page.until("quick", readyState=CLOSED)
        self.assertEqual((stream["opens"], stream["events"]), ([], []))
        self.assertEqual([error["readyState"] for error in stream["errors"]], [CLOSED])
        self.assertEqual([head["status"] for head in page.heads("/early/quick", 1)], [401])


class EarlyOpen(EarlyOpenCases):
    pass


class EarlyOpenHttp2(EarlyOpenCases):
    tls, http2 = True, "translate"


class ErrorEvent(BrowserCases):
    @classmethod
    def routes(cls):
        event = {"statuses": [401, "5xx"], "event": "upstream_error", "retry": ms(RETRY)}
        return {"told": {"error_event": event, "heartbeat": SEEN_HEARTBEAT},
                "held": {"error_event": {**event, "then": "hold"}, "heartbeat": SEEN_HEARTBEAT},
                "plain": {"heartbeat": SEEN_HEARTBEAT}}

    def test_without_it_a_401_closes_for_ever(self):
        page = self.page()
        page.listen("plain", "/plain/401", "upstream_error")
        refuse(self.backend.next("/plain/401"))
        stream = page.until("plain", readyState=CLOSED)
        self.assertEqual((stream["opens"], stream["events"]), ([], []))
        self.assert_none_comes("/plain/401", 1, patience=3 * RETRY)
        self.assertEqual(page.state("plain")["readyState"], CLOSED)

    def test_a_page_that_is_told_comes_back_at_the_pace_of_retry(self):
        page = self.page()
        page.listen("told", "/told/401", "upstream_error")
        arrivals = []
        for times in range(1, 5):
            request = self.backend.next("/told/401")
            arrivals.append(request.at)
            refuse(request, b"log in", b"text/plain")
            page.until("told", opens=times, errors=times, events=times)
        stream = page.state("told")
        self.assertEqual({error["readyState"] for error in stream["errors"]}, {CONNECTING})
        self.assertEqual([event["type"] for event in stream["events"]], ["upstream_error"] * 4)
        self.assertEqual(json.loads(stream["events"][0]["data"]),
                         {"status": 401, "reason": "Unauthorized", "content_type": "text/plain", "body": "log in"})
        self.assertEqual({head["status"] for head in page.heads("/told/401", 4)}, {200})
        pauses = [later - earlier for earlier, later in zip(arrivals, arrivals[1:])]
        self.assertGreaterEqual(min(pauses), seconds(RETRY) - 0.05, pauses)
        self.assertLess(min(pauses), 2.5, "Chromium's own pace is three seconds")

    def test_a_page_that_is_held_asks_once(self):
        page = self.page()
        page.listen("held", "/held/401", "upstream_error", "heartbeat")
        refuse(self.backend.next("/held/401"))
        stream = page.until("held", events=5, of=["heartbeat"])  # several times what retry says
        self.assertEqual((stream["readyState"], len(stream["opens"]), stream["errors"]), (OPEN, 1, []))
        self.assertEqual([json.loads(data)["status"] for data in of(stream, "upstream_error")], [401])
        self.assertEqual(of(stream, "message"), [])
        self.assertEqual(self.backend.count("/held/401"), 1)

    def test_other_statuses_stay(self):
        page = self.page()
        page.listen("other", "/told/404", "upstream_error")
        self.backend.next("/told/404").answer(LEAKY, "Content-Type: text/html\r\n", status="404 Not Found")
        stream = page.until("other", readyState=CLOSED)
        self.assertEqual((stream["opens"], stream["events"]), ([], []))


class Unavailable(BrowserCases):
    @classmethod
    def routes(cls):
        opening = {"retry": ms(RETRY)}
        held = {"opening": opening, "unavailable": {"hold": ms(20)}, "error_event": {"event": "upstream_error"}}
        return {"held": {**held, "heartbeat": HEARTBEAT}, "silent": {**held, "heartbeat": "off"},
                "plain": {"opening": opening}}

    def test_a_restart_of_the_backend(self):
        page = self.page()
        for name in ("held", "silent", "plain"):
            page.listen(name, f"/{name}/1", "upstream_error")
            request = self.backend.next(f"/{name}/1")
            request.open_stream()
            request.say(b"id: 1\ndata: before\n\n")
            page.until(name, opens=1, events=1)
        self.backend.stop()
        stopped = time.monotonic()
        closed = page.until("plain", readyState=CLOSED)
        self.assertEqual([error["readyState"] for error in closed["errors"]], [CONNECTING, CLOSED])
        self.assertEqual([head["status"] for head in page.heads("/plain/1", 2)], [200, 502])
        page.until("held", opens=2, readyState=OPEN)  # there is no backend, but a stream that lives
        time.sleep(max(0.0, stopped + seconds(2.5) - time.monotonic()))  # a restart takes its time
        waiting = page.state("silent")  # without heartbeats it could not be told from a dead one
        self.assertEqual((waiting["readyState"], len(waiting["opens"]), len(waiting["errors"])), (CONNECTING, 1, 1))

        self.backend.start()
        for name in ("held", "silent"):
            request = self.backend.next(f"/{name}/1")
            self.assertEqual(request.get("Last-Event-ID"), "1")
            request.open_stream()
            request.say(b"id: 2\ndata: after\n\n")
            stream = page.until(name, opens=2, events=2, readyState=OPEN)
            self.assertEqual([(event["type"], event["data"]) for event in stream["events"]],
                             [("message", "before"), ("message", "after")])
            self.assertEqual([error["readyState"] for error in stream["errors"]], [CONNECTING])
            self.assertEqual(self.backend.count(f"/{name}/1"), 2)
        self.assertEqual(page.state("plain")["readyState"], CLOSED)
        self.assertEqual(self.backend.count("/plain/1"), 1)


if __name__ == "__main__":
    main()
