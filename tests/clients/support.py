"""What the cases share: a sidecar with a route for every form of heartbeat in front of backend.py, and clients that run
as programs of their own."""

import json
import subprocess
import sys
import unittest
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "systems"))
sys.path.insert(0, str(HERE.parent / "systems" / "apps"))

from harness import PYTHON, Case, Program, free_port, main, require, run, seconds, together  # noqa: E402
import wires  # noqa: E402  what the backend sends

FORMS = {
    "off": {"heartbeat": {"form": "off"}},
    "comment": {"heartbeat": {"form": "comment"}},
    "comment_line": {"heartbeat": {"form": "comment_line"}},
    "event": {"heartbeat": {"form": "event"}},
    "event_ping": {"heartbeat": {"form": "event", "event": "ping", "data": '{"type": "ping"}'}},
    "event_message": {"heartbeat": {"form": "event", "event": "message"}},
    "bytes": {"heartbeat": {"form": "bytes", "bytes": ":\n\n"}},
    "bytes_data": {"heartbeat": {"form": "bytes", "bytes": "data: {}\n\n"}},
}
OPENINGS = {
    "opening_comment": {"opening": {"comment": "welcome"}},
    "opening_line": {"opening": {"comment": "welcome", "retry": "200ms"}, "heartbeat": {"form": "comment_line"}},
    "opening_event": {"opening": {"event": "connected", "data": '{"at": 1}'}},
    "opening_retry": {"opening": {"retry": "200ms"}},
}
EARLY = {"after": f"{int(seconds(0.4) * 1000)}ms", "always": True}
RESCUES = {
    "ended": {"end_event": {"event": "stream_end"}},
    "aged": {"max_age": {"after": f"{int(seconds(1) * 1000)}ms"}},
    "aged_line": {"max_age": {"after": f"{int(seconds(1) * 1000)}ms"}, "heartbeat": {"form": "comment_line"}},
    "told": {"error_event": {"statuses": ["429", "5xx"], "event": "upstream_error"}},
    "polite": {"early_open": {**EARLY, "always": False}},
    "early": {"early_open": EARLY},
    "early_told": {"early_open": EARLY, "error_event": {"event": "upstream_error"}},
}
CUT = "plain?cut=1"   # a stream that its backend breaks off behind the first event
SHOWN = [*FORMS, *OPENINGS]   # routes through which a stream is looked at in all its forms
PATIENCE = int(seconds(1) * 1000) - 1   # ms of silence that an impatient client bears; undici's long timers are coarse


def need_modules():
    """Skips what needs the packages of package-lock.json where they are not: ./dev test installs them if it can."""
    require("node")
    if not (HERE / "node_modules" / "openai").is_dir():
        raise unittest.SkipTest(f"missing packages: (cd {HERE} && npm ci)")


class ClientCase(Case):
    script = None   # of scripts/

    @classmethod
    def start(cls, systems):
        need_modules() if cls.script.endswith(".js") else require(PYTHON, modules=["httpx"])
        port = free_port()
        cls.backend = Program("backend", [PYTHON, HERE / "backend.py", port], systems.folder, systems._env())
        cls.backend.port = port
        systems._keep(cls.backend).wait_for_port()
        routes = [{"name": name, "match": {"path": f"/{name}/**"}, "upstream": "default", "event_stream": policy}
                  for name, policy in {**FORMS, **OPENINGS, **RESCUES}.items()]
        cls.sidecar = systems.sidecar(port, listener={"http2": "downgrade"}, config={"routes": routes})

    @classmethod
    def url(cls, route, target):
        """`route` of the sidecar, or "direct": the backend itself."""
        port = cls.backend.port if route == "direct" else cls.sidecar.port
        return f"http://127.0.0.1:{port}/{route}/{target}"

    @classmethod
    def read(cls, cases, patience=None):
        """Runs the client over `cases` (name: what the script wants to know), all at the same time; name: outcome."""
        program = [PYTHON, "-B"] if cls.script.endswith(".py") else ["node"]
        names = {str(number): name for number, name in enumerate(cases)}
        asked = {"cases": [{"name": str(number), **case} for number, case in enumerate(cases.values())],
                 "patience": patience}
        try:
            done = run(*program, HERE / "scripts" / cls.script, data=json.dumps(asked).encode(), timeout=60, cwd=HERE)
        except subprocess.TimeoutExpired as late:
            done = late
        outcomes = {names[outcome["name"]]: outcome for outcome in map(json.loads, (done.stdout or b"").splitlines())}
        if outcomes.keys() != cases.keys():
            raise AssertionError(f"{cls.script} lost {cases.keys() - outcomes.keys()}: {done.stderr}")
        return outcomes

    def heartbeats(self, route, target):
        """How many of them the sidecar put into the stream of `target` by its own count."""
        return self.sidecar.wait_for_line(event="stream_close", path=f"/{route}/{target}")["heartbeats"]


class FormCases(ClientCase):
    """A client that shows its events as they are: every form, every opening, every dress of a stream.

    A reader that is known to be harmed says so in `added` (what it sees for each heartbeat), `opened` (what it sees in
    front of the first event) and `loses` (routes through which events get lost).
    """

    NAMES = ["plain", "crlf", "cr", "inside-event", "bom", "late-bom", "ids-and-retry", "own-comments"]
    options = {}
    added = {}
    opened = {}
    loses = set()
    breaks = None       # the error that the application gets when the backend breaks off; None: none
    breaks_directly = None   # the same without the sidecar, which passes a reset on as an end that is none; None: equal
    impatience = None   # and when the stream is silent for longer than it waits

    @classmethod
    def streams(cls, names, routes, **more):
        """Cases, by route and name."""
        return {(route, name): {"url": cls.url(route, f"streams/{name}"), **cls.options, **more}
                for name in names for route in routes}

    @classmethod
    def others(cls):
        """Cases that only this client has."""
        return {}

    @classmethod
    def start(cls, systems):
        super().start(systems)
        cases = {**cls.streams(cls.NAMES, ["direct", *SHOWN]), **cls.streams([CUT], ["direct", *FORMS]),
                 **cls.others()}
        read = together({"patient": lambda: cls.read(cases),
                         "impatient": lambda: cls.read(cls.streams(["long"], FORMS), PATIENCE)})
        for outcome in read.values():
            if isinstance(outcome, Exception):
                raise outcome
        cls.seen, cls.impatient = read["patient"], read["impatient"]

    @classmethod
    def less_added(cls, route, events):
        return [event for event in events if event != cls.added.get(route)]

    @staticmethod
    def texts(outcome):
        return [event[1] if isinstance(event, list) else event for event in outcome["seen"]]

    def error(self, outcome):
        return outcome["error"] and outcome["error"]["name"]

    def test_what_the_application_sees_is_what_the_backend_sent(self):
        for name in self.NAMES:
            straight = self.seen["direct", name]
            self.assertIsNone(self.error(straight), straight)
            for route in SHOWN:
                front, outcome = self.opened.get(route, []), self.seen[route, name]
                with self.subTest(route=route, name=name):
                    if route in self.loses:
                        continue
                    self.assertEqual(outcome["seen"][:len(front)], front)
                    self.assertEqual(self.less_added(route, outcome["seen"][len(front):]),
                                     self.less_added(route, straight["seen"]))
                    self.assertIsNone(self.error(outcome))

    def test_without_a_sidecar_it_sees_what_is_written(self):
        """So that the others compare with something true."""
        self.assertEqual(self.texts(self.seen["direct", "plain"])[:2], ["one", "two"])

    def test_there_were_heartbeats_and_each_added_what_it_is_known_to_add(self):
        for name in ("plain", CUT):
            for route in FORMS:
                with self.subTest(route=route, name=name):
                    count = self.heartbeats(route, f"streams/{name}")
                    self.assertEqual(count, 0) if route == "off" else self.assertGreaterEqual(count, 1)
                    if added := self.added.get(route):
                        self.assertEqual(self.seen[route, name]["seen"].count(added), count)

    def test_every_form_keeps_an_impatient_client(self):
        for route in FORMS:
            with self.subTest(route=route):
                outcome = self.impatient[route, "long"]
                self.assertEqual(self.texts(outcome)[0], "one")
                if route == "off":
                    self.assertNotIn("two", self.texts(outcome))
                    self.assertEqual(self.error(outcome), self.impatience)
                elif route not in self.loses:
                    self.assertIn("two", self.texts(outcome))
                    self.assertIsNone(self.error(outcome))

    def test_a_break_reaches_the_application(self):
        for route in ("direct", *FORMS):
            with self.subTest(route=route):
                outcome = self.seen[route, CUT]
                if route not in self.loses:
                    breaks = self.breaks_directly if route == "direct" else None
                    self.assertEqual(self.error(outcome), breaks or self.breaks)
                self.assertNotIn("two", self.texts(outcome))
