"""The SDKs of two LLM APIs, which post, take JSON and get a stream; the backend speaks as these APIs do."""

from support import FORMS, PATIENCE, SHOWN, ClientCase, main, seconds, together, wires

DRESSES = {"lf": {}, "crlf": {"ends": "crlf"}, "bom": {"bom": 1}}
CUT = {"cut": 2}                 # behind the second chunk
LATE = 1.2                       # three times what an early head waits
LATER = 3.5
LIMIT = 2.8                      # of an impatient user: less than LATER, seven times what an early head waits
ERRORS = {429: "RateLimitError", 500: "InternalServerError"}


class LlmCases(ClientCase):
    API = {}       # name of a way to read: what the script wants to know of it
    LONG = {}      # the same with long silences
    EVENTS = {}    # name of a way to read: what its application sees
    added = {}     # route: what the application sees for each heartbeat or opening
    status_error = ERRORS
    broken = "TypeError"

    @classmethod
    def case(cls, route, way, options=None, **more):
        asked = dict(cls.API[way])
        return {**asked, "url": cls.url(route, asked["base"]), "options": options or {}, **more}

    @classmethod
    def start(cls, systems):
        super().start(systems)
        cases = {(way, dress, route): cls.case(route, way, DRESSES[dress])
                 for way in cls.API for dress in DRESSES for route in ["direct", *SHOWN, "early"]}
        for way in cls.API:
            cases.update({(way, "cut", route): cls.case(route, way, CUT)
                          for route in ("direct", "off", "comment", "comment_line", "early")})
            cases.update({(way, status, route): cls.case(route, way, {"wait": LATE, "status": status})
                          for status in ERRORS for route in ("direct", "comment", "told", "polite", "early",
                                                             "early_told")})
        impatient = {("long", route): {**cls.LONG, "url": cls.url(route, cls.LONG["base"])} for route in FORMS}
        impatient.update({(way, route): cls.case(route, way, {"wait": LATER}, timeout=int(seconds(LIMIT) * 1000))
                          for way in cls.API for route in ("comment", "polite", "early")})
        read = together({"patient": lambda: cls.read(cases), "impatient": lambda: cls.read(impatient, PATIENCE)})
        for outcome in read.values():
            if isinstance(outcome, Exception):
                raise outcome
        cls.seen, cls.impatient = read["patient"], read["impatient"]

    def test_the_application_sees_the_apis_events(self):
        for way in self.API:
            for dress in DRESSES:
                for route in ["direct", *SHOWN, "early"]:
                    outcome = self.seen[way, dress, route]
                    with self.subTest(way=way, dress=dress, route=route):
                        added = self.added.get(route) if way not in self.deaf else None
                        seen = [event for event in outcome["seen"] if event != added]
                        self.assertEqual(seen, self.EVENTS[way])
                        self.assertEqual(outcome["seen"] != seen, added is not None)
                        self.assertIsNone(outcome["error"])

    def test_there_were_heartbeats(self):
        for route in FORMS:
            self.sidecar.wait_for_line(event="stream_close", route=route)
            counts = [line["heartbeats"] for line in self.sidecar.matching(event="stream_close", route=route)]
            self.assertEqual(set(counts), {0}) if route == "off" else self.assertGreaterEqual(min(counts), 2)

    deaf = ()   # ways to read that do not show what was added

    def test_heartbeats_keep_an_impatient_client(self):
        whole = self.EVENTS[next(iter(self.API))]
        for route in FORMS:
            outcome = self.impatient["long", route]
            with self.subTest(route=route):
                seen = [event for event in outcome["seen"] if event != self.added.get(route)]
                if route == "off":
                    self.assertNotEqual(seen, whole)
                    self.assertEqual(outcome["error"]["name"], self.broken)
                else:
                    self.assertEqual((seen, outcome["error"]), (whole, None))

    def test_a_break_in_mid_stream_is_an_error(self):
        for (way, what, route), outcome in self.seen.items():
            if what == "cut":
                with self.subTest(way=way, route=route):
                    self.assertEqual(outcome["error"]["message"], "terminated")
                    self.assertEqual(outcome["seen"], self.seen[way, what, "direct"]["seen"])
                    self.assertLess(len(outcome["seen"]), len(self.EVENTS[way]))

    def test_an_early_head_is_in_time_for_a_user_who_waits_less_than_the_backend_takes(self):
        for way in self.API:
            for route in ("comment", "polite"):   # who posts is left alone unless the route says always
                self.assertEqual(self.impatient[way, route]["error"]["message"], "Request timed out.")
            early = self.impatient[way, "early"]
            self.assertEqual((early["seen"], early["error"]), (self.EVENTS[way], None))

    def test_a_late_error_keeps_its_status_unless_the_route_opens_early(self):
        """So that the SDK's own retries and error classes work; an error_event concerns no POST."""
        for way in self.API:
            for status, name in self.status_error.items():
                for route in ("direct", "comment", "told", "polite"):
                    outcome = self.seen[way, status, route]
                    with self.subTest(way=way, route=route, status=status):
                        self.assertEqual((outcome["error"]["status"], outcome["error"]["class"]), (status, name))
                        self.assertEqual(outcome["seen"], [])

    def test_behind_an_early_head_a_late_error_is_a_break(self):
        """The status is spent. An error event is told as JSON of its own, which is no chunk of these APIs."""
        for way in self.API:
            for status in ERRORS:
                for route in ("early", "early_told"):
                    outcome = self.seen[way, status, route]
                    with self.subTest(way=way, route=route, status=status):
                        self.assertEqual(outcome["error"]["message"], "terminated")
                        self.assertIsNone(outcome["error"]["status"])
                        told = route == "early_told" and way not in self.deaf
                        self.assertEqual([event["status"] for event in outcome["seen"]], [status] if told else [])


class OpenAI(LlmCases):
    """Takes every event, whatever its name, for a chunk."""

    script = "openai.js"
    API = {"chat": {"base": "v1"}, "numbered": {"base": "numbered"}, "responses": {"base": "v1", "responses": True}}
    LONG = {"base": "long"}
    EVENTS = {"chat": wires.CHUNKS, "numbered": wires.CHUNKS, "responses": wires.RESPONSES}
    added = {"event": {}, "event_ping": {"type": "ping"}, "event_message": {}, "bytes_data": {},
             "opening_event": {"at": 1}}


class Anthropic(LlmCases):
    """Drops events named ping and those without a name; any other name is handed on."""

    script = "anthropic.js"
    API = {"events": {"base": ""}, "message": {"base": "", "grows": True}}
    LONG = {"base": "long"}
    EVENTS = {"events": wires.MESSAGES, "message": ["Grüße", ", world", ["end_turn", "Grüße, world"]]}
    added = {"event": {}, "event_message": {}, "opening_event": {"at": 1}}
    deaf = ("message",)


if __name__ == "__main__":
    main()
