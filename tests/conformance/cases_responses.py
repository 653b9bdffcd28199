"""What a backend may answer (RFC 9112 sections 6 to 8): tolerated where it has one reading, never passed on as it
came."""

from case import CLOSED, GET, OPEN, RESET, answered, bad_gateway, head

HEAD = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
GET_10 = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANEW = "read tolerantly, written anew"
SMUGGLE = "two readings of where the answer ends"
PLANTED = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nplanted"


def ok(lines=b"", body=b"ok"):
    return b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n" + body


TOLERATED = [
    answered("plain", PLAIN, PLAIN),
    answered("no reason", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
             b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", why="RFC 9112, 4: the space stands without a reason too"),
    answered("bare LF in the head", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", PLAIN, why=ANEW),
    answered("folded value", ok(b"A: b\r\n  c\r\n\td\r\nContent-Length: 2\r\n"),
             ok(b"A: b c d\r\nContent-Length: 2\r\n"),
             why=ANEW),
    answered("space before the colon", ok(b"Content-Length : 2\r\n"), PLAIN, why=ANEW),
    answered("one length twice", ok(b"Content-Length: 2\r\nContent-Length: 2\r\n"), PLAIN, why=ANEW),
    answered("one length twice in a list", ok(b"Content-Length: 2, 2\r\n"), PLAIN, why=ANEW),
    answered("chunks", CHUNKED + b"2\r\nok\r\n0\r\n\r\n", CHUNKED + b"2\r\nok\r\n0\r\n\r\n"),
    answered("chunk sizes padded with spaces", CHUNKED + b"2  \r\nok\r\n0  \r\n\r\n", CHUNKED + b"2\r\nok\r\n0\r\n\r\n",
             why="some servers pad"),
    answered("trailers", CHUNKED + b"2\r\nok\r\n0\r\nDigest: x\r\n\r\n",
             CHUNKED + b"2\r\nok\r\n0\r\nDigest: x\r\n\r\n"),
    answered("trailers that have no business there",
             CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 9\r\nDigest: x\r\nSet-Cookie: a\r\n\r\n",
             CHUNKED + b"2\r\nok\r\n0\r\nDigest: x\r\n\r\n", why="dropped, the rest is kept"),
    answered("until close", b"HTTP/1.0 200 OK\r\n\r\nok", CHUNKED + b"2\r\nok\r\n0\r\n\r\n"),
    answered("until close to HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nok", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
             request=GET_10, seen=GET, end=CLOSED),
    answered("fields that Connection names", ok(b"Connection: x-a, close\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 2\r\n"),
             ok(b"X-B: 2\r\nContent-Length: 2\r\n"), why="RFC 9110, 7.6.1"),
    answered("Connection names Content-Length", ok(b"Connection: Content-Length\r\nContent-Length: 2\r\n"), PLAIN,
             why="a field that must stay, stays"),
    answered("what is of one connection",
             ok(b"Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nContent-Length: 2\r\n"), PLAIN),
    answered("426", b"HTTP/1.1 426 Use\r\nUpgrade: x\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
             b"HTTP/1.1 426 Use\r\nUpgrade: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\r\n"),
    answered("interim answers", b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + PLAIN,
             b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + PLAIN, statuses=(103, 102, 200)),
    answered("interim answers to HTTP/1.0", b"HTTP/1.1 103 Early\r\n\r\n" + PLAIN,
             b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", request=GET_10, seen=GET,
             end=CLOSED, why="HTTP/1.0 knows none (RFC 9110, 15.2)"),
    answered("to HEAD, with a length", ok(b"Content-Length: 2\r\n", b""), ok(b"Content-Length: 2\r\n", b""),
             request=HEAD),
    answered("204", b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
    answered("304 with a length", b"HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n",
             b"HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n"),
]

NONE = [
    *(bad_gateway(f"framing: {name}", ok(lines), why=SMUGGLE) for name, lines in (
        ("both framings", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        ("both framings, the other way", b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"),
        ("lengths that differ", b"Content-Length: 2\r\nContent-Length: 1\r\n"),
        ("lengths in a list that differ", b"Content-Length: 2, 1\r\n"), ("junk length", b"Content-Length: 2x\r\n"),
        ("length with a sign", b"Content-Length: +2\r\n"), ("negative length", b"Content-Length: -2\r\n"),
        ("empty length", b"Content-Length:\r\n"), ("length of 2^64 and 2", b"Content-Length: 18446744073709551618\r\n"),
        ("identity", b"Transfer-Encoding: identity\r\n"), ("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n"),
        ("chunked twice", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("xchunked", b"Transfer-Encoding: xchunked\r\n"), ("empty coding", b"Transfer-Encoding:\r\n"))),
    bad_gateway("chunked over HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                why=SMUGGLE),
    *(bad_gateway(f"status line {line.decode('latin-1')!r}", line + b"\r\nContent-Length: 2\r\n\r\nok",
                  why="no status line")
      for line in (b"HTTP/1.1 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 2x0 OK",
                   b"HTTP/1.1", b"HTTP/1.1  200 OK", b"HTTP/1.2 200 OK", b"HTTP/2.0 200 OK",
                   b"http/1.1 200 OK", b"ICY 200 OK",
                   b"HTTP/1.1\t200 OK", b" HTTP/1.1 200 OK")),
    bad_gateway("no HTTP at all", b"<html>hello</html>\n", why="HTTP/0.9 is not guessed"),
    bad_gateway("a banner", b"220 mail ESMTP\r\n", why="HTTP/0.9 is not guessed"),
    bad_gateway("nothing", b""),
    bad_gateway("nothing, and a reset", b"", then=RESET),
    bad_gateway("half a head", b"HTTP/1.1 200 OK\r\nContent-Le"),
    bad_gateway("half a head, and a reset", b"HTTP/1.1 200 OK\r\nContent-Le", then=RESET),
    bad_gateway("an empty line before it", b"\r\n" + PLAIN, why="no status line"),
    bad_gateway("NUL in a value", ok(b"A: \x00\r\nContent-Length: 2\r\n")),
    bad_gateway("control in a value",
                ok(b"A: \x1b[2J\r\nContent-Length: 2\r\n"), why="it would reach terminals and logs"),
    bad_gateway("bare CR in a value",
                ok(b"A: b\rc\r\nContent-Length: 2\r\n"), why="another parser ends the line there"),
    bad_gateway("no token as a name", ok(b"A B: c\r\nContent-Length: 2\r\n")),
    bad_gateway("no colon", ok(b"A\r\nContent-Length: 2\r\n")),
    bad_gateway("folded behind the status line", ok(b" A: b\r\nContent-Length: 2\r\n"), why="it continues no field"),
    bad_gateway("a head of 40 kB", ok(b"A: " + b"a" * 40000 + b"\r\nContent-Length: 2\r\n")),
    bad_gateway("two hundred fields", ok(b"A: b\r\n" * 200 + b"Content-Length: 2\r\n")),
    bad_gateway("Connection with a hundred names", ok(b"Connection: " + b"a," * 100 + b"a\r\nContent-Length: 2\r\n")),
    bad_gateway("101 that nobody asked for", b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
                why="from here on nobody would know what the bytes mean"),
    bad_gateway("101 to an offer of h2c alone", b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
                request=head(b"Connection: Upgrade\r\nUpgrade: h2c\r\n"), seen=GET,
                why="the offer was not passed on"),
]

# An interim answer goes out as it comes, so the last word of an endless series is the 502 behind the others.
ENDLESS = [
    answered("interim answers without end", b"HTTP/1.1 102 P\r\n\r\n" * 1000, None, statuses=(102,) * 128 + (502,),
             why="everything has a limit"),
]

# A length or the chunks that are missing tell a client that speaks HTTP/1.1; over HTTP/1.0 only a reset can.
CUT = [
    answered("cut within its length", ok(b"Content-Length: 9\r\n"), ok(b"Content-Length: 9\r\n"),
             end=CLOSED, whole=False),
    answered("cut within a chunk", CHUNKED + b"9\r\nok", CHUNKED + b"2\r\nok\r\n", end=CLOSED, whole=False),
    answered("cut between chunks", CHUNKED + b"2\r\nok\r\n", CHUNKED + b"2\r\nok\r\n", end=CLOSED, whole=False),
    answered("cut before the last blank line", CHUNKED + b"2\r\nok\r\n0\r\n", CHUNKED + b"2\r\nok\r\n", end=CLOSED,
             whole=False),
    answered("broken chunk", CHUNKED + b"2\r\nok\r\nx\r\n", CHUNKED + b"2\r\nok\r\n", end=CLOSED, whole=False),
    answered("chunk size that overflows", CHUNKED + b"2\r\nok\r\n10000000000000002\r\nok\r\n0\r\n\r\n",
             CHUNKED + b"2\r\nok\r\n", end=CLOSED, whole=False, why="never cut to the bits of a number"),
    answered("chunk longer than its size", CHUNKED + b"2\r\nokay\r\n0\r\n\r\n", CHUNKED + b"2\r\nok\r\n", end=CLOSED,
             whole=False, why=SMUGGLE),
    answered("cut within its length, to HTTP/1.0", ok(b"Content-Length: 9\r\n"),
             ok(b"Content-Length: 9\r\nConnection: close\r\n"), request=GET_10, seen=GET, end=CLOSED, whole=False),
    answered("cut within a chunk, to HTTP/1.0", CHUNKED + b"9\r\nok", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
             request=GET_10, seen=GET, end=RESET, whole=False,
             why="over HTTP/1.0 only a reset tells that something is missing"),
    answered("reset without framing, to HTTP/1.0", b"HTTP/1.1 200 OK\r\n\r\nok",
             b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", request=GET_10, seen=GET, then=RESET, end=RESET,
             whole=False,
             why="over HTTP/1.0 only a reset tells that something is missing"),
]

NEXT = "the next request gets its own answer, on another connection"

LEFT_OVER = [
    answered("an answer behind the answer", PLAIN + PLANTED, PLAIN, then=OPEN, why=NEXT),
    answered("an answer behind the chunks", CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + PLANTED,
             CHUNKED + b"2\r\nok\r\n0\r\n\r\n",
             then=OPEN, why=NEXT),
    answered("an answer behind a 204", b"HTTP/1.1 204 No Content\r\n\r\n" + PLANTED, b"HTTP/1.1 204 No Content\r\n\r\n",
             then=OPEN, why=NEXT),
    answered("a body behind the answer to HEAD", PLAIN, ok(b"Content-Length: 2\r\n", b""), request=HEAD, then=OPEN,
             why=NEXT),
    answered("a body behind a 304", b"HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\nok",
             b"HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n", then=OPEN, why=NEXT),
    answered("an answer that nobody asked for yet", PLAIN, PLAIN, then=OPEN, unasked=PLANTED, why=NEXT),
    answered("half an answer that nobody asked for yet", PLAIN, PLAIN, then=OPEN, unasked=PLANTED[:20], why=NEXT),
    answered("a line end behind the answer", PLAIN + b"\r\n", PLAIN, then=OPEN, why=NEXT),
]

OWNED = "the connection is authenticated, not the request: it is its client's alone"

AUTHENTICATED = [
    answered("challenge of NTLM", ok(b"WWW-Authenticate: NTLM\r\nContent-Length: 2\r\n"),
             ok(b"WWW-Authenticate: NTLM\r\nContent-Length: 2\r\n"), then=OPEN, stranger=True, why=OWNED),
    answered("credentials of NTLM", PLAIN, PLAIN, request=head(b"Authorization: NTLM TlRMTVNTUAAD\r\n"), then=OPEN,
             stranger=True, why=OWNED),
    answered("credentials of Negotiate", PLAIN, PLAIN, request=head(b"Authorization: Negotiate YII=\r\n"), then=OPEN,
             stranger=True, why=OWNED),
]

CASES = TOLERATED + NONE + ENDLESS + CUT + LEFT_OVER + AUTHENTICATED
