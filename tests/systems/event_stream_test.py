"""The reader that the other tests trust, against the examples of the standard; and the comparison, against what
it must refuse."""

import unittest

from event_stream import NotTheSameStream, insertions, parse
from harness import main


def events(raw):
    return [tuple(event) for event in parse(raw).events]


class Reader(unittest.TestCase):
    def test_examples_of_the_standard(self):
        self.assertEqual(events(b"data: YHOO\ndata: +2\ndata: 10\n\n"), [("message", "YHOO\n+2\n10", "")])
        self.assertEqual(
            events(b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"),
            [("message", "first event", "1"), ("message", "second event", "")])
        self.assertEqual(events(b"data\n\ndata\ndata\n\ndata:"), [("message", "", ""), ("message", "\n", "")])
        self.assertEqual(events(b"data:test\n\ndata: test\n\n"), [("message", "test", "")] * 2)
        self.assertEqual(events(b"event: add\ndata: 73\n\nevent: remove\n\ndata: 1\n\n"),
                         [("add", "73", ""), ("message", "1", "")])

    def test_line_ends_and_the_mark_of_order(self):
        for end in (b"\n", b"\r", b"\r\n"):
            self.assertEqual(events(b"\xef\xbb\xbf" + end.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])),
                             [("message", "a\nb", ""), ("message", "c", "")])
        self.assertEqual(events(b"\xef\xbb\xbf\xef\xbb\xbfdata: lost\n\ndata: kept\n\n"), [("message", "kept", "")])

    def test_ids_and_retry(self):
        stream = parse(b"id: 7\n\ndata: a\n\nid: x\0y\ndata: b\n\nretry: 15\nretry: 1x\nretry:\nid\ndata: c\n\n")
        self.assertEqual([event.id for event in stream.events], ["7", "7", ""])
        self.assertEqual(stream.retries, [15])

    def test_bytes_may_come_one_by_one(self):
        raw = "\ufeffid: 1\r\ndata: gr\u00fc\u00dfe\r\r\n: heartbeat\n\n".encode()
        whole, single = parse(raw), parse(b"")
        for byte in raw:
            single.feed(bytes([byte]))
        self.assertEqual((whole.events, whole.comments), (single.events, single.comments))
        self.assertEqual(len(whole.heartbeats), 1)


class Comparison(unittest.TestCase):
    def test_finds_what_was_put_in_between(self):
        found = insertions(b"data: a\n\n: heartbeat\n\ndata: b\n: heartbeat\n\n", b"data: a\n\ndata: b\n\n")
        self.assertEqual([(one.offset, one.inside_event) for one in found], [(9, False), (17, True)])
        self.assertEqual(insertions(b"data: a\n\n", b"data: a\n\n"), [])

    def test_knows_the_backends_own_heartbeats(self):
        own = b"data: a\n\n: heartbeat\n\n"
        self.assertEqual(insertions(own, own), [])
        self.assertEqual(len(insertions(own + b": heartbeat\n\n", own)), 1)
        self.assertEqual(len(insertions(b": heartbeat\n\n: hello\n\n", b": hello\n\n")), 1)

    def test_refuses(self):
        for received, sent in [
                (b"data: a\n\n", b"data: a\n\ndata: b\n\n"),                    # something is missing
                (b"data: a\n\ndata: b\n\n", b"data: a\n\n"),                    # something is too much
                (b"data: : heartbeat\n\na\n\n", b"data: a\n\n"),                # in the middle of a line
                (b"data: a\n: heartbeat\n\ndata: b\n\n", b"data: a\ndata: b\n\n"),  # a blank line inside an event
                (b"data: a\n\n: heartbeat\ndata: b\n\n", b"data: a\n\ndata: b\n\n"),  # none between events
                (b"data: a\n\n: heartbeats\n\n", b"data: a\n\n"),               # another text
                (b"data: b\n\n", b"data: a\n\n")]:
            with self.assertRaises(NotTheSameStream):
                insertions(received, sent)


if __name__ == "__main__":
    main()
