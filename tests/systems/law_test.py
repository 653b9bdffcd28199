"""The law of the stream with servers that others wrote: less the sidecar's insertions, what arrives is what was sent,
byte for byte, and a conforming reader sees the same events. The streams are those of apps/streams.json."""

import gzip
import sys

import event_stream
from harness import APPS, HEARTBEAT, Case, Front, main, seconds, together
from recording import record

sys.path.insert(0, str(APPS))
from pieces import STREAMS, content, pieces  # noqa: E402  the applications' own list

PAUSE = 0.6   # of the streams, where a heartbeat is expected
BOM = b"\xef\xbb\xbf"
NO_PLACE = {"inside-line", "byte-by-byte"}   # nothing may be inserted here
LINE_ENDS = {"crlf": b"\r\n", "inside-event-crlf": b"\r\n", "cr": b"\r", "plain": b"\n", "inside-event": b"\n",
             "utf-8": b"\n"}


class LawCases(Case):
    head_comes_first = False   # whether the server sends its head before the first byte of the body
    without = set()

    @classmethod
    def start(cls, systems):
        cls.backend = cls.serve(systems)
        cls.sidecar = systems.sidecar(cls.backend.port)
        cls.front = Front(cls.sidecar.port)
        systems.nginx(cls.front)
        cls.names = sorted(set(STREAMS) - cls.without)
        calls = {}
        for name in cls.names:
            target = f"/streams/{name}"
            calls[name, "straight"] = lambda target=target: record(cls.backend.port, target)
            calls[name, "sidecar"] = lambda target=target: record(cls.sidecar.port, target)
            calls[name, "nginx"] = lambda target=target: record(cls.front.port, target)
        cls.seen = together(calls)

    def each(self, *ways):
        for (name, way), seen in self.seen.items():
            if way in ways:
                if isinstance(seen, Exception):
                    raise AssertionError(f"{name} {way}: {seen!r}")
                yield name, seen

    def test_the_backend_sends_what_is_written(self):
        for name, seen in self.each("straight"):
            self.assertEqual((seen.body, seen.end), (content(name), "complete"), name)

    def test_every_stream_ends_well(self):
        for _, seen in self.each("sidecar", "nginx"):
            self.assertEqual((seen.status, seen.end), (200, "complete"), seen)

    def test_a_reader_sees_the_same_events(self):
        for name, seen in self.each("sidecar", "nginx"):
            straight = self.seen[name, "straight"].parser
            self.assertEqual(seen.parser.events, straight.events, seen)
            self.assertEqual((seen.parser.last_event_id, seen.parser.retries),
                             (straight.last_event_id, straight.retries), seen)

    def test_the_bytes_are_the_same_less_the_insertions(self):
        for name, seen in self.each("sidecar", "nginx"):
            sent = content(name)
            if sent.startswith(BOM) and not seen.body.startswith(BOM):
                sent = sent[len(BOM):]  # behind an early heartbeat it would be no BOM any more
                self.assertTrue(seen.body.startswith(b":"), seen)
            found = event_stream.insertions(seen.body, sent)
            if name in NO_PLACE:
                self.assertEqual(found, [], seen)
            end = LINE_ENDS.get(name)
            for insertion in found if end else []:
                expected = b"heartbeat" + end + (b"" if insertion.inside_event else end)
                self.assertTrue(insertion.bytes.endswith(expected), seen)

    def test_silence_is_filled_wherever_it_may_be(self):
        for name, seen in self.each("sidecar"):
            inserted = len(seen.heartbeats) - len(event_stream.parse(content(name)).heartbeats)
            must, may = self.silences(name)
            self.assertGreaterEqual(inserted, must, seen)
            self.assertLessEqual(inserted, may * (int(PAUSE / HEARTBEAT) + 1), seen)

    def silences(self, name):
        """How many pauses a heartbeat must stand in, and how many it may stand in."""
        must = may = 0
        sent = b""
        for piece in pieces(name):
            if isinstance(piece, bytes):
                sent += piece
            elif piece >= seconds(PAUSE) and (sent.endswith((b"\r", b"\n")) or not sent and self.head_comes_first):
                may += 1
                # behind a CR that may be the half of a CRLF waiting is allowed; where lines end in CR alone it is not
                must += not sent.endswith(b"\r") or LINE_ENDS.get(name) == b"\r"
        return must, may

    def test_the_log_counts_what_a_reader_counts(self):
        for name in self.names:
            for line in self.sidecar.matching(event="stream_close", path=f"/streams/{name}"):
                self.assertEqual(line["events"], len(self.seen[name, "straight"].parser.events), line)
                self.assertEqual((line["reason"], line["closed_by"]), ("complete", "upstream"), line)
            self.assertEqual(len(self.sidecar.matching(event="stream_close", path=f"/streams/{name}")), 2, name)


class Gunicorn(LawCases):
    @classmethod
    def serve(cls, systems):
        return systems.gunicorn(worker="gthread", threads=80)

    def test_packed_streams_pass_untouched(self):
        target, fields = "/compressed/stream", {"Accept-Encoding": "gzip"}
        seen, straight = (record(port, target, fields=fields) for port in (self.sidecar.port, self.backend.port))
        self.assertEqual((seen.body, seen.response.get("Content-Encoding"), seen.end),
                         (straight.body, "gzip", "complete"))
        self.assertEqual(len(event_stream.parse(gzip.decompress(seen.body)).events), 40)

    def test_who_names_event_streams_gets_them_unpacked_and_with_heartbeats(self):
        seen = record(self.sidecar.port, "/compressed/stream",
                      fields={"Accept": "text/event-stream", "Accept-Encoding": "gzip"})
        self.assertEqual((seen.response.get("Content-Encoding"), len(seen.events)), (None, 40), seen)
        self.assertGreaterEqual(len(seen.heartbeats), 1, seen)

    def test_what_is_no_event_stream_passes_untouched(self):
        types = ["text/event-streams", "text/event-stream+json", "application/x-ndjson", "text/plain",
                 "text/event-stream; charset=gb18030", "application/json; profile=text/event-stream"]
        calls = {kind: (lambda kind=kind: record(self.sidecar.port, "/streams/plain?type="
                                                 + kind.replace(" ", "%20").replace("+", "%2B")))
                 for kind in types}
        for kind, seen in together(calls).items():
            self.assertEqual((seen.body, seen.end), (content("plain"), "complete"), seen)
            self.assertTrue(seen.response.get("Content-Type").startswith(kind), seen)

    def test_the_type_may_be_written_in_any_way(self):
        types = ["Text/Event-Stream", "text/event-stream;charset=UTF-8", "text/event-stream ; charset=utf-8; x=y"]
        calls = {kind: (lambda kind=kind: record(self.sidecar.port,
                                                 "/streams/plain?type=" + kind.replace(" ", "%20")))
                 for kind in types}
        for _, seen in together(calls).items():
            self.assertEqual(len(seen.events), 2, seen)
            self.assertGreaterEqual(len(seen.heartbeats), 1, seen)


class Node(LawCases):
    head_comes_first = True

    @classmethod
    def serve(cls, systems):
        return systems.node("plain")


class PythonHttpServer(LawCases):
    head_comes_first = True

    @classmethod
    def serve(cls, systems):
        return systems.python_http()


class FlaskDevelopmentServer(LawCases):
    @classmethod
    def serve(cls, systems):
        return systems.flask_dev()


if __name__ == "__main__":
    main()
