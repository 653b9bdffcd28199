"""One case of the table: raw bytes of a client and of a backend, and what either of them may get to see."""

from dataclasses import dataclass

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
# Sent right behind whatever must be refused: it is never served.
BEHIND = b"GET /behind HTTP/1.1\r\nHost: h\r\n\r\n"

OPEN, CLOSED, RESET = "open", "closed", "reset"


@dataclass(frozen=True)
class Case:
    name: str
    send: tuple            # of the client, in pieces
    answer: bytes = OK     # of the backend, to every request of the case
    then: str = CLOSED     # what the backend does behind its answer
    unasked: bytes = b""   # what it says when the client has its answer already
    seen: tuple = ()       # the requests that reach the backend, byte for byte
    begun: bool = False    # the beginning of one more may reach it, but no end
    statuses: tuple = ()   # of the answers that the client gets
    wire: bytes = None     # their bytes, where they are the backend's
    end: str = OPEN        # of the client's connection; open: one more request on it is answered
    whole: bool = True     # the last answer is complete, or visibly not
    stranger: bool = False  # another client must not get the backend's connection
    why: str = ""          # why we do it so, where others do not


def pieces(raw):
    return raw if isinstance(raw, tuple) else (raw,)


def refused(name, raw, status=400, why="", begun=False, behind=BEHIND):
    """Answered by us and closed; the backend sees nothing (or, with a broken body, no end)."""
    first, *rest = pieces(raw)
    send = (first, *rest, behind) if rest else (first + behind,)
    return Case(name, send, statuses=(status,), end=CLOSED, begun=begun, why=why)


def passes(name, raw, seen=None, why="", end=OPEN, count=1):
    """Understood: the backend sees `seen`, by default the same bytes."""
    seen = b"".join(pieces(raw)) if seen is None else seen
    return Case(name, pieces(raw), seen=pieces(seen), statuses=(200,) * count, end=end, why=why)


def answered(name, answer, wire, request=GET, seen=None, end=OPEN, then=CLOSED, unasked=b"", whole=True, why="",
             stranger=False, statuses=None):
    """The backend's answer reaches the client as `wire`."""
    seen = request if seen is None else seen
    return Case(name, (request,), answer=answer, then=then, seen=(seen,), unasked=unasked, wire=wire, end=end,
                statuses=statuses or (int(wire[9:12]),), whole=whole, stranger=stranger, why=why)


def bad_gateway(name, answer, why="", then=CLOSED, request=GET, seen=None):
    """No answer that could be passed on: 502, and the client's connection goes on."""
    seen = request if seen is None else seen
    return Case(name, (request,), answer=answer, then=then, seen=(seen,), statuses=(502,), why=why)


def head(lines=b"", line=b"GET / HTTP/1.1"):
    """A request without a body; `lines` stand behind Host."""
    return line + b"\r\nHost: h\r\n" + lines + b"\r\n"


def post(lines, body=b"", version=b"1.1"):
    return b"POST / HTTP/" + version + b"\r\nHost: h\r\n" + lines + b"\r\n" + body


def chunked(body, lines=b""):
    return post(lines + b"Transfer-Encoding: chunked\r\n", body)
