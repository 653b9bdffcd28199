"""How many event streams a page can have, with `http2: downgrade` and with `http2: translate`."""

import time

from chromium import CONNECTING, OPEN, SEEN_HEARTBEAT, BrowserCases
from harness import main, seconds

MANY = 100


def protocol(page):
    return page.evaluate("() => performance.getEntriesByType('navigation')[0].nextHopProtocol")


class ConnectionCases(BrowserCases):
    tls = True

    @classmethod
    def routes(cls):
        return {"sse": {"heartbeat": SEEN_HEARTBEAT}}

    def path(self, number):
        return f"/sse/{self._testMethodName}/{number}"

    def open(self, page, number):
        """Has the page ask for a stream, and answers."""
        path = self.path(number)
        page.listen(number, path, "heartbeat")
        request = self.backend.next(path)
        request.open_stream()
        page.until(number, opens=1)
        return request


class Downgrade(ConnectionCases):
    http2 = "downgrade"

    def test_a_page_is_moved_to_http1(self):
        page = self.page()
        self.assertEqual(protocol(page), "http/1.1")
        self.open(page, 0).say(b"id: 7\ndata: one\ndata: two\n\n")
        stream = page.until(0, events=1, of=["message"])
        told = [(event["data"], event["id"]) for event in stream["events"] if event["type"] == "message"]
        self.assertEqual(told, [("one\ntwo", "7")])
        self.assertEqual([head["protocol"] for head in page.heads("/sse/", 1)], ["http/1.1"])
        self.assertEqual(self.sidecar.wait_for_line(event="downgrade")["how"], "alpn")

    def test_the_seventh_stream_waits_for_one_of_six(self):
        page = self.page()
        requests = [self.open(page, number) for number in range(6)]
        path = self.path(6)
        page.listen(6, path)
        for number in range(6):  # these live meanwhile
            page.until(number, events=2, of=["heartbeat"])
        self.assertEqual(self.backend.count(path), 0)
        seventh = page.state(6)
        self.assertEqual((seventh["readyState"], seventh["opens"], seventh["errors"]), (CONNECTING, [], []))
        page.hang_up(3)
        self.assertTrue(requests[3].gone())
        self.backend.next(path).open_stream()
        page.until(6, opens=1, readyState=OPEN)


class Translate(ConnectionCases):
    http2 = "translate"

    def test_a_page_speaks_http2_and_a_seventh_stream_opens(self):
        page = self.page()
        self.assertEqual(protocol(page), "h2")
        requests = [self.open(page, number) for number in range(7)]
        for number, request in enumerate(requests):
            request.say(b"data: %d\n\n" % number)
            page.until(number, events=1, of=["message"])
        self.assertEqual({head["protocol"] for head in page.heads("/sse/", 7)}, {"h2"})

    def test_a_hundred_streams_share_one_connection_and_leave_at_once(self):
        page = self.page()
        requests = [self.open(page, number) for number in range(MANY)]
        for number, request in enumerate(requests):
            request.say(b"".join(b"id: %d\ndata: %d of %d\n\n" % (count, count, number) for count in range(5)))
        for number in range(MANY):
            stream = page.until(number, events=5, of=["message"])
            told = [event["data"] for event in stream["events"] if event["type"] == "message"]
            self.assertEqual(told, [f"{count} of {number}" for count in range(5)])
            stream = page.until(number, events=2, of=["heartbeat"])
            self.assertEqual((len(stream["opens"]), stream["errors"], stream["readyState"]), (1, [], OPEN))
        streams = page.heads("/sse/", MANY)
        self.assertEqual(len(streams), MANY)
        self.assertEqual({head["protocol"] for head in streams}, {"h2"})
        self.assertEqual(len({head["connection"] for head in streams}), 1)
        clients = {self.sidecar.wait_for_line(event="stream_open", path=self.path(number))["client"]
                   for number in range(MANY)}
        self.assertEqual(len(clients), 1)

        page.close()
        self.assertTrue(requests[0].gone())
        began = time.monotonic()
        self.assertTrue(all(request.gone() for request in requests[1:]))
        self.assertLess(time.monotonic() - began, seconds(1))
        for number in range(MANY):
            self.sidecar.wait_for_line(event="stream_close", path=self.path(number), reason="client_gone")


class Bounded(ConnectionCases):
    http2 = "translate"
    limits = {"http2": {"concurrent_streams": 10}}

    def test_a_stream_beyond_the_limit_waits_and_loses_nothing(self):
        page = self.page()
        for number in range(10):
            self.open(page, number)
        path = self.path(10)
        page.listen(10, path)
        page.until(0, events=2, of=["heartbeat"])
        self.assertEqual((self.backend.count(path), page.state(10)["readyState"]), (0, CONNECTING))
        page.hang_up(0)
        self.backend.next(path).open_stream()
        page.until(10, opens=1)


if __name__ == "__main__":
    main()
