"""Event streams as the WHATWG standard reads them, written for these tests and for nothing else.

`parse` is the algorithm of HTML section 9.2.6 over a whole stream; `Parser` the same while it arrives. `insertions`
compares what a client received with what the backend sent and names every byte sequence that was put in between.
"""

import codecs
from collections import namedtuple

Event = namedtuple("Event", "type data id")
Comment = namedtuple("Comment", "text at")
Insertion = namedtuple("Insertion", "offset bytes inside_event")


class Parser:
    """Feed bytes with their time of arrival; read `events`, `event_times`, `comments`, `retries`."""

    def __init__(self):
        self.events = []
        self.event_times = []
        self.comments = []
        self.retries = []
        self.last_event_id = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = True
        self._line = []
        self._after_cr = False
        self._data = []
        self._type = ""
        self._id = ""

    def feed(self, raw, at=0.0):
        for character in self._decoder.decode(raw):
            if self._at_start:
                self._at_start = False
                if character == "\ufeff":
                    continue
            if character == "\n" and self._after_cr:
                self._after_cr = False
                continue
            self._after_cr = character == "\r"
            if character in "\r\n":
                line, self._line = "".join(self._line), []
                self._take(line, at)
            else:
                self._line.append(character)

    def _take(self, line, at):
        if not line:
            self._dispatch(at)
        elif line.startswith(":"):
            self.comments.append(Comment(line[1:], at))
        else:
            field, _, value = line.partition(":")
            if value.startswith(" "):
                value = value[1:]
            self._field(field, value)

    def _field(self, field, value):
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._type = value
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and value and all(digit in "0123456789" for digit in value):
            self.retries.append(int(value))

    def _dispatch(self, at):
        self.last_event_id = self._id
        if self._data:
            self.events.append(Event(self._type or "message", "\n".join(self._data), self.last_event_id))
            self.event_times.append(at)
        self._data = []
        self._type = ""

    @property
    def heartbeats(self):
        return [comment for comment in self.comments if comment.text == " heartbeat"]


def parse(raw):
    parser = Parser()
    parser.feed(raw)
    return parser


class NotTheSameStream(AssertionError):
    pass


def insertions(received, sent, text=b": heartbeat"):
    """The insertions that turn `sent` into `received`; NotTheSameStream when no set of them does.

    An insertion stands at the start of a line and is `text` plus one line end inside an event, or plus two between
    events. Where the backend's own bytes could be taken for one, every reading is tried.
    """
    bare = [text + end for end in (b"\r\n", b"\n", b"\r")]
    # the last one of `closed`: behind a lone CR in a CRLF stream
    closed = [text + end for end in (b"\r\n\r\n", b"\n\n", b"\r\r", b"\r\n\r")]
    stack = [(0, 0, ())]
    furthest = (0, 0)
    seen = set()
    while stack:
        i, j, found = stack.pop()
        while True:
            furthest = max(furthest, (i, j))
            if received.startswith(text, i) and (i == 0 or received[i - 1:i] in (b"\r", b"\n")) and (i, j) not in seen:
                seen.add((i, j))
                inside = _inside_event(sent[:j])
                for form in {True: bare, False: closed, None: bare + closed}[inside]:
                    if received.startswith(form, i):
                        stack.append((i + len(form), j, found + (Insertion(j, form, inside),)))
            if i == len(received) and j == len(sent):
                return list(found)
            if i < len(received) and j < len(sent) and received[i] == sent[j]:
                i, j = i + 1, j + 1
                continue
            break
    i, j = furthest
    raise NotTheSameStream(f"the streams part at byte {i} of what was received, byte {j} of what was sent:\n"
                           f"  received {received[max(0, i - 40):i]!r} -> {received[i:i + 40]!r}\n"
                           f"  sent     {sent[max(0, j - 40):j]!r} -> {sent[j:j + 40]!r}")


def _inside_event(sent):
    """Whether the backend's bytes so far stop behind a line of an event that no blank line has ended yet; None
    behind comments alone, where a reader cannot tell a blank line from none."""
    text = sent.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    inside = False
    for line in text.split("\n")[:-1]:
        if not line:
            inside = False
        elif not line.startswith(":"):
            inside = True
        elif not inside:
            inside = None
    return inside
