"""httpx, with three ways in which scripts take its lines apart; and its read timeout, which is 5 s unless told."""

from support import FORMS, ClientCase, FormCases, main


class Httpx(FormCases):
    """Takes what begins with `data:` and passes over all else: sees every event's data, whatever its name."""

    script = "httpx_client.py"
    options = {"way": "data_lines"}
    added = {"event": "{}", "event_ping": '{"type": "ping"}', "event_message": "{}", "bytes_data": "{}"}
    opened = {"opening_event": ['{"at": 1}']}
    NAMES = ["plain", "crlf", "inside-event", "own-comments", "utf-8"]
    breaks, breaks_directly = "RemoteProtocolError", "ReadError"
    impatience = "ReadTimeout"


class HttpxNaive(ClientCase):
    script = "httpx_client.py"
    ROUTES = [*FORMS, "opening_comment", "opening_line", "opening_event"]

    @classmethod
    def start(cls, systems):
        super().start(systems)
        cls.seen = cls.read({(way, route): {"url": cls.url(route, target), "way": way}
                             for way, target in (("blocks", "streams/plain"), ("json_lines", "streams/json"))
                             for route in ["direct", *cls.ROUTES]})

    def test_who_splits_at_blank_lines_loses_the_event_behind_a_bare_comment_line(self):
        self.assertEqual(self.seen["blocks", "direct"]["seen"], ["one", "two"])
        for route in self.ROUTES:
            with self.subTest(route=route):
                seen = [text for text in self.seen["blocks", route]["seen"] if text != "{}"]
                self.assertEqual(seen, {"comment_line": ["one"], "opening_line": []}.get(route, ["one", "two"]))
                self.assertIsNone(self.seen["blocks", route]["error"])

    def test_who_takes_each_line_for_json_bears_data_lines_only(self):
        self.assertEqual(self.seen["json_lines", "direct"]["seen"], [1, 2])
        for route in self.ROUTES:
            outcome = self.seen["json_lines", route]
            with self.subTest(route=route):
                if route in ("off", "bytes_data"):
                    self.assertEqual([answer for answer in outcome["seen"] if answer != {}], [1, 2])
                    self.assertIsNone(outcome["error"])
                else:
                    self.assertEqual(outcome["error"]["name"], "JSONDecodeError")
                    self.assertNotIn(2, outcome["seen"])


if __name__ == "__main__":
    main()
