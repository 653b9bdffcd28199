"""The login by QR code: one event, a long silence while a person looks for a telephone, then the result.

Bare nginx cuts it at its read timeout. Behind nginx with the sidecar every event arrives, once and in order.
"""

from harness import HEARTBEAT, READ_TIMEOUT, SILENCE, Case, Front, main, seconds, together
from recording import record

EVENTS = [("message", "data:image/png;base64,iVBORw0KGgo="), ("status", "200"), ("message", "done")]
BARE = ["bare-1.0", "bare-1.1"]
KEPT = ["sidecar", "sidecar-to-1.0-client", "nginx-1.0", "nginx-1.1"]


class LoginStreamCases(Case):
    """Six people log in at the same time, each by another way; the cases look at what they saw."""

    events = EVENTS

    @classmethod
    def start(cls, systems):
        backend = cls.backend(systems)
        cls.sidecar = systems.sidecar(backend.port)
        fronts = {"bare-1.0": Front(backend.port), "bare-1.1": Front(backend.port, "1.1"),
                  "nginx-1.0": Front(cls.sidecar.port), "nginx-1.1": Front(cls.sidecar.port, "1.1")}
        systems.nginx(*fronts.values())
        ports = {"sidecar": cls.sidecar.port, "sidecar-to-1.0-client": cls.sidecar.port,
                 **{name: front.port for name, front in fronts.items()}}

        def log_in(name):
            version = "HTTP/1.0" if name == "sidecar-to-1.0-client" else "HTTP/1.1"
            return lambda: record(ports[name], cls.path(name), version=version)

        cls.seen = together({name: log_in(name) for name in ports})

    @classmethod
    def path(cls, name):
        return f"/login/stream?ticket={name}"

    def recordings(self, names):
        for name in names:
            if isinstance(self.seen[name], Exception):
                raise self.seen[name]
            yield name, self.seen[name]

    def test_bare_nginx_cuts_the_stream(self):
        for name, seen in self.recordings(BARE):
            self.assertNotIn(self.events[-1], seen.events, seen)
            self.assertTrue(seen.status in (None, 504) or seen.end != "complete",
                            f"{name} should have been cut: {seen}")
            self.assertGreater(seen.duration, seconds(READ_TIMEOUT) * 0.8, seen)
            self.assertLess(seen.duration, seconds(SILENCE) * 0.9, seen)

    def test_every_event_arrives_once_and_in_order(self):
        for _, seen in self.recordings(KEPT):
            self.assertEqual(seen.status, 200, seen)
            self.assertEqual(seen.events, self.events, seen)
            self.assertEqual(seen.end, "complete", seen)

    def test_the_first_event_does_not_wait(self):
        for _, seen in self.recordings(KEPT):
            self.assertLess(seen.after(seen.parser.event_times[0]), seconds(READ_TIMEOUT), seen)
            self.assertGreater(seen.parser.event_times[1] - seen.parser.event_times[0], seconds(SILENCE) * 0.9, seen)

    def test_heartbeats_stand_in_the_silence_and_nowhere_else(self):
        for _, seen in self.recordings(KEPT):
            first, second = seen.parser.event_times[:2]
            self.assertTrue(all(first <= beat.at <= second for beat in seen.heartbeats), seen)
            self.assertGreaterEqual(len(seen.heartbeats), int(SILENCE / HEARTBEAT * 0.6), seen)
            self.assertLessEqual(len(seen.heartbeats), int(SILENCE / HEARTBEAT * 1.2) + 1, seen)
            expected = b"".join(b": heartbeat\n\n" for _ in seen.heartbeats)
            self.assertEqual(seen.body.count(b": heartbeat\n\n"), len(seen.heartbeats), seen)
            self.assertIn(expected, seen.body, seen)

    def test_the_head_is_the_applications(self):
        for name, seen in self.recordings(KEPT):
            self.assertTrue(seen.response.get("Content-Type").startswith("text/event-stream"), seen)
            cache_control = [token.strip() for token in seen.response.get("Cache-Control", "").split(",")]
            self.assertLessEqual({"no-cache", "no-transform"}, set(cache_control), seen)
            self.assertEqual(len(cache_control), len(set(cache_control)), seen)
            if name.startswith("sidecar"):
                self.assertEqual(seen.response.all("X-Accel-Buffering"), ["no"], seen)
            self.assertEqual(seen.response.all("Content-Length"), [], seen)

    def test_a_client_of_http_1_0_gets_no_chunks(self):
        seen = self.seen["sidecar-to-1.0-client"]
        self.assertEqual(seen.response.all("Transfer-Encoding"), [], seen)

    def test_the_log_tells_the_life_of_each_stream(self):
        for name, seen in self.recordings(KEPT):
            closed = self.sidecar.wait_for_line(event="stream_close", path=self.path(name))
            self.assertEqual((closed["reason"], closed["closed_by"]), ("complete", "upstream"), closed)
            self.assertEqual((closed["events"], closed["heartbeats"]), (len(self.events), len(seen.heartbeats)), closed)
            self.assertEqual((closed["method"], closed["status"]), ("GET", 200), closed)
            self.assertEqual(len(self.sidecar.matching(event="stream_open", path=self.path(name))), 1)
            self.assertEqual(len(self.sidecar.matching(event="stream_first_event", path=self.path(name))), 1)


class PortalCases(LoginStreamCases):
    """What only the portal of Flask can show: its own fields, and how often it was asked."""

    def test_the_applications_own_fields_pass(self):
        for _, seen in self.recordings(KEPT):
            self.assertEqual(seen.response.get("Content-Type"), "text/event-stream; charset=utf-8", seen)
            self.assertEqual(seen.response.get("Access-Control-Allow-Origin"), "*", seen)

    def test_nobody_was_logged_in_twice(self):
        hits = self.systems.journal()
        for name in BARE + KEPT:
            self.assertEqual(hits.count(f"login {name}"), 1, hits)


class GunicornThreads(PortalCases):
    @classmethod
    def backend(cls, systems):
        return systems.gunicorn(worker="gthread", threads=16)


class GunicornSync(PortalCases):
    @classmethod
    def backend(cls, systems):
        return systems.gunicorn(worker="sync", workers=7)


class FlaskDevelopmentServer(PortalCases):
    @classmethod
    def backend(cls, systems):
        return systems.flask_dev()


class PythonHttpServer(LoginStreamCases):
    """HTTP/1.0 behind the sidecar: no chunks, no Content-Length, the close ends the stream."""

    events = [("message", "qr"), ("message", "done")]

    @classmethod
    def backend(cls, systems):
        return systems.python_http()


if __name__ == "__main__":
    main()
