"""Progress of uploads over HTTP/2: what the browser calls ERR_HTTP2_PROTOCOL_ERROR is nginx' read timeout, and
heartbeats mend it."""

import event_stream
from harness import Case, Front, main, run, seconds, together

EVENTS = [("connected", '{"taskId":"%s"}'), ("progress", '{"percent":40}'), ("progress", '{"percent":100}'),
          ("complete", '{"taskId":"%s"}')]


class Http2(Case):
    @classmethod
    def start(cls, systems):
        backend = systems.node("uploads")
        cls.sidecar = systems.sidecar(backend.port)
        fronts = {"bare": Front(backend.port, "1.1", tls=True), "bare-1.0": Front(backend.port, tls=True),
                  "kept": Front(cls.sidecar.port, "1.1", tls=True), "kept-1.0": Front(cls.sidecar.port, tls=True)}
        systems.nginx(*fronts.values())

        def watch(name):
            url = f"https://127.0.0.1:{fronts[name].port}/api/v1/uploads/{name}/stream"
            return lambda: run("curl", "--silent", "--show-error", "--http2", "--insecure", "--no-buffer",
                               "--max-time", str(seconds(20)), "--write-out", "\n%{http_version} %{http_code}",
                               "-H", "Accept: text/event-stream", url)

        cls.seen = together({name: watch(name) for name in fronts})

    def body(self, name):
        output, _, versions = self.seen[name].stdout.rpartition(b"\n")
        self.assertEqual(versions, b"2 200", self.seen[name])
        return output

    def events(self, name):
        return [(event.type, event.data) for event in event_stream.parse(self.body(name)).events]

    def test_bare_nginx_ends_in_a_protocol_error(self):
        for name in ("bare", "bare-1.0"):
            self.assertEqual(self.seen[name].returncode, 92, self.seen[name])
            self.assertEqual(len(self.events(name)), 2)

    def test_with_the_sidecar_the_stream_lives_to_its_end(self):
        for name in ("kept", "kept-1.0"):
            self.assertEqual(self.seen[name].returncode, 0, self.seen[name])
            self.assertEqual(self.events(name), [(kind, data.replace("%s", name)) for kind, data in EVENTS])
            self.assertGreaterEqual(len(event_stream.parse(self.body(name)).heartbeats), 4)

    def test_each_was_watched_once(self):
        self.assertEqual(sorted(self.systems.journal()),
                         ["upload bare", "upload bare-1.0", "upload kept", "upload kept-1.0"])


if __name__ == "__main__":
    main()
