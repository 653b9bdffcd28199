"""Readers that show events as they are: `eventsource` and `eventsource-parser`, which follow the standard, and
`@microsoft/fetch-event-source`, which does not quite."""

from support import CUT, FormCases, main

PING = '{"type": "ping"}'
CONNECTED = ["connected", '{"at": 1}']


class EventSource(FormCases):
    """What holds for it holds for pages: the form `event` is seen by those who listen, and nobody else."""

    script = "eventsource.js"
    added = {"event": ["heartbeat", "{}", ""], "event_ping": ["ping", PING, ""],
             "event_message": ["message", "{}", ""], "bytes_data": ["message", "{}", ""]}
    opened = {"opening_event": [[*CONNECTED, ""]]}

    @classmethod
    def others(cls):
        return {**cls.streams([CUT], ["ended"]),
                **{(route, "twice"): {"url": cls.url(route, "streams/plain?twice"), "comes_back": 1}
                   for route in ("opening_retry", "opening_line", "comment")}}

    def test_an_end_and_a_break_fire_the_same_and_the_end_event_tells_which(self):
        last = {route: self.seen[route, CUT]["seen"][-1] for route in ("direct", "comment", "ended")}
        self.assertEqual({event for event, *_ in last.values()}, {"onerror"})
        self.assertEqual(self.seen["comment", "plain"]["seen"][-1], ["onerror", None, None])  # of a clean end
        self.assertRegex(last["direct"][2], "terminated")  # the package says more than a browser does
        self.assertRegex(last["comment"][2], "terminated")
        told = [event[:2] for event in self.seen["ended", CUT]["seen"] if event[0] == "stream_end"]
        self.assertEqual(told, [["stream_end", '{"reason":"upstream_reset"}']])

    def test_it_comes_back_when_the_opening_says(self):
        waits = {route: next(event[1] for event in self.seen[route, "twice"]["seen"] if event[0] == "came back")
                 for route in ("opening_retry", "opening_line", "comment")}
        self.assertLess(waits["opening_retry"], 2500)   # 200 ms and the connection
        self.assertLess(waits["opening_line"], 2500)
        self.assertGreaterEqual(waits["comment"], 2990)   # its own 3 s


class EventSourceParser(FormCases):
    script = "eventsource_parser.js"
    added = {"event": ["heartbeat", "{}", None], "event_ping": ["ping", PING, None],
             "event_message": ["message", "{}", None], "bytes_data": ["message", "{}", None]}
    opened = {"opening_event": [[*CONNECTED, None]], "opening_retry": [["onRetry", 200]],
              "opening_line": [["onRetry", 200]]}
    breaks = impatience = "TypeError"


class FetchEventSource(FormCases):
    """Calls `onmessage` at every blank line, whatever stood in front of it."""

    script = "fetch_event_source.js"
    _EMPTY = ["message", "", ""]
    added = {"comment": _EMPTY, "bytes": _EMPTY, "opening_comment": _EMPTY, "opening_event": _EMPTY,
             "opening_retry": _EMPTY, "aged": _EMPTY,
             "event": ["heartbeat", "{}", ""], "event_ping": ["ping", PING, ""],
             "event_message": ["message", "{}", ""], "bytes_data": ["message", "{}", ""]}
    opened = {"opening_event": [[*CONNECTED, ""]], "opening_comment": [_EMPTY], "opening_retry": [_EMPTY]}
    breaks = impatience = "TypeError"

    @classmethod
    def others(cls):
        return {**cls.streams(["long"], ["aged", "aged_line"]),
                **{(route, "json"): {"url": cls.url(route, "mcp?news"), "json": True}
                   for route in ("direct", "comment", "comment_line")},
                **{(route, "post"): {"url": cls.url(route, "streams/crlf?post"), "method": "POST"}
                   for route in ("direct", "comment_line")}}

    def test_a_handler_that_parses_json_fails_on_a_comment_with_a_blank_line(self):
        news = {route: self.seen[route, "json"] for route in ("direct", "comment", "comment_line")}
        self.assertEqual((len(news["direct"]["seen"]), news["direct"]["error"]), (3, None))
        self.assertEqual(news["comment_line"]["seen"], news["direct"]["seen"])
        self.assertEqual(news["comment"]["error"]["name"], "SyntaxError")
        self.assertEqual(news["comment"]["seen"], news["direct"]["seen"][:1])

    def test_a_planned_end_is_no_message_with_comment_lines(self):
        """`retry` alone: the blank line behind it would be one."""
        self.assertEqual(self.seen["aged_line", "long"]["seen"], [["message", "one", ""], ["onclose", None]])
        self.assertEqual(self.seen["aged", "long"]["seen"][-2:], [self._EMPTY, ["onclose", None]])

    def test_a_post_is_read_in_the_same_way(self):
        self.assertEqual(self.seen["comment_line", "post"]["seen"], self.seen["direct", "post"]["seen"])
        self.assertEqual(self.seen["direct", "post"]["seen"], self.seen["direct", "crlf"]["seen"])


if __name__ == "__main__":
    main()
