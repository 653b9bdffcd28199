"""A client that writes down everything about one event stream: the answer, each event with its time, the heartbeats,
and the end."""

import time

from event_stream import Parser
from wire import Connection


class Recording:
    def __init__(self, target, opened_at):
        self.target = target
        self.opened_at = opened_at
        self.ended_at = None
        self.response = None   # None: the connection ended without an answer
        self.parser = Parser()

    @property
    def status(self):
        return self.response.status if self.response else None

    @property
    def end(self):
        return self.response.end if self.response else "no answer"

    @property
    def body(self):
        return self.response.body if self.response else b""

    @property
    def events(self):
        return [(event.type, event.data) for event in self.parser.events]

    @property
    def heartbeats(self):
        return self.parser.heartbeats

    @property
    def duration(self):
        return self.ended_at - self.opened_at

    def after(self, moment):
        """Seconds from the request to that moment."""
        return moment - self.opened_at

    def __repr__(self):
        arrived = self.response.pieces if self.response else []
        pieces = [(round(self.after(at), 3), piece[:80]) for at, piece in arrived[:40]]
        fields = self.response.fields if self.response else None
        return (f"<{self.target}: {self.status} {self.end} after {self.duration:.3f} s, fields {fields}, "
                f"pieces {pieces}>")


def record(port, target, method="GET", fields=(("Accept", "text/event-stream"),), body=b"", version="HTTP/1.1",
           timeout=20.0, until=lambda recording: False):
    """Reads the stream to its end, or until `until(recording)` says that the client has seen enough and leaves."""
    recording = Recording(target, time.monotonic())
    with Connection(port, timeout) as connection:
        try:
            recording.response = connection.request(method, target, fields, body, version)
            for at, piece in recording.response:
                recording.parser.feed(piece, at)
                if until(recording):
                    break
        except (EOFError, ConnectionResetError):
            pass
    recording.ended_at = time.monotonic()
    return recording
