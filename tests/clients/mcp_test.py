"""The MCP SDK's client over Streamable HTTP: a POST for each request, answered with JSON or with a stream, and a GET
for news of the server."""

from support import FORMS, PATIENCE, SHOWN, ClientCase, main, seconds, together

DRESSES = {"lf": {}, "crlf": {"ends": "crlf"}, "bom": {"bom": 1}}
CALLED = [["tools", ["wait"]], ["progress", 1], ["log", "half way"], ["progress", 2], ["result", "Grüße"]]
NEWS = [["news", "test://one"]] * 2
LATE = 1.0
BROKEN = ["onerror", "Error", "SSE stream disconnected: TypeError: terminated"]


class Mcp(ClientCase):
    """Hands on what has no name or is named message; all else it passes over."""

    script = "mcp.js"

    @classmethod
    def start(cls, systems):
        super().start(systems)
        limit = int(seconds(4) * 1000)

        def case(route, options=None, **more):
            return {"url": cls.url(route, "mcp"), "options": options or {}, "timeout": limit, **more}

        cases = {("lf", route): case(route, progress=True) for route in ["direct", *SHOWN]}
        cases.update({(dress, route): case(route, DRESSES[dress], progress=True)
                      for dress in ("crlf", "bom") for route in ("direct", "comment", "comment_line", "event")})
        cases.update({("news", route): case(route, {"news": 1}) for route in ["direct", *SHOWN, "polite"]})
        impatient = {("long", route): case(route, arguments={"long": 1}) for route in FORMS}
        impatient.update({("cut", route): case(route, {"cut": 1}) for route in ("direct", "comment")})
        impatient.update({("late", route): case(route, {"wait": LATE})
                          for route in ("direct", "comment", "polite", "early")})
        impatient[("limit", "comment")] = case("comment", arguments={"long": 1}, timeout=int(seconds(1.5) * 1000))
        read = together({"patient": lambda: cls.read(cases), "impatient": lambda: cls.read(impatient, PATIENCE)})
        for outcome in read.values():
            if isinstance(outcome, Exception):
                raise outcome
        cls.seen = {**read["patient"], **read["impatient"]}

    def test_every_form_but_an_event_without_a_name_of_its_own_is_passed_over(self):
        for (what, route), outcome in self.seen.items():
            if what not in (*DRESSES, "news") or route == "polite":
                continue
            with self.subTest(what=what, route=route):
                complaints = [event for event in outcome["seen"] if event[:2] == ["onerror", "ZodError"]]
                seen = [event for event in outcome["seen"] if event not in complaints]
                self.assertEqual((seen, outcome["error"]), (NEWS if what == "news" else CALLED, None))
                self.assertEqual(bool(complaints), route in ("event_message", "bytes_data"))

    def test_there_were_heartbeats(self):
        for route in FORMS:
            self.sidecar.wait_for_line(event="stream_close", route=route)
            counts = [line["heartbeats"] for line in self.sidecar.matching(event="stream_close", route=route)]
            self.assertEqual(set(counts), {0}) if route == "off" else self.assertGreaterEqual(min(counts), 1)

    def test_heartbeats_keep_a_call_alive_that_fetch_would_give_up(self):
        for route in FORMS:
            with self.subTest(route=route):
                outcome = self.seen["long", route]
                if route == "off":
                    self.assertIn(BROKEN, outcome["seen"])
                    self.assertIn("Request timed out", outcome["error"]["message"])
                else:
                    self.assertIn(["result", "Grüße"], outcome["seen"])
                    self.assertIsNone(outcome["error"])

    def test_no_heartbeat_extends_the_sdks_own_limit_of_a_request(self):
        """Which only progress does, and only where the caller asks for it."""
        outcome = self.seen["limit", "comment"]
        self.assertIn("Request timed out", outcome["error"]["message"])
        self.assertNotIn(BROKEN, outcome["seen"])

    def test_a_break_is_told_at_once_and_fails_the_call_when_its_time_is_up(self):
        for route in ("direct", "comment"):
            outcome = self.seen["cut", route]
            self.assertIn(BROKEN, outcome["seen"])
            self.assertNotIn(["result", "Grüße"], outcome["seen"])
            self.assertIn("Request timed out", outcome["error"]["message"])

    def test_an_early_head_is_for_no_post_of_an_mcp_client(self):
        """Its answers may be JSON. Its GET looks like that of an EventSource: a late 405 becomes a broken stream."""
        self.assertEqual(self.seen["late", "comment"]["seen"], self.seen["late", "direct"]["seen"])
        for route in ("direct", "comment", "polite"):
            outcome = self.seen["late", route]
            self.assertIsNone(outcome["error"], route)
            self.assertIn(["result", "Grüße"], outcome["seen"])
            self.assertEqual(BROKEN in outcome["seen"], route == "polite")
        self.assertEqual((self.seen["news", "polite"]["seen"], self.seen["news", "polite"]["error"]), (NEWS, None))
        self.assertIsNotNone(self.seen["late", "early"]["error"])


if __name__ == "__main__":
    main()
