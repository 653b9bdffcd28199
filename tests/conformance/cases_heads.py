"""Request lines, fields, hosts and the fields of one connection (RFC 9112 sections 2 to 5, RFC 9110 section 7)."""

from case import BEHIND, CLOSED, GET, OK, Case, head, passes, refused

LINES = "a line ends in CRLF; nothing else ends one"
NAMES = "names and values have no other characters (RFC 9110, 5.5 and 5.6.2)"
VERSIONS = "served are 1.0 and 1.1"


def line(text):
    return head(line=text)


def host(value):
    return b"GET / HTTP/1.1\r\nHost:" + value + b"\r\n\r\n"


REQUEST_LINES = [
    passes("GET", GET),
    passes("a method that nobody knows", line(b"BREW / HTTP/1.1"), why="legacy applications have their own"),
    passes("empty lines before a request", b"\r\n\r\n" + GET, GET, why="RFC 9112, 2.2"),
    passes("two requests at once", GET + GET, (GET, GET), count=2),
    passes("HTTP/1.0", b"GET / HTTP/1.0\r\nHost: h\r\n\r\n", GET, end=CLOSED),
    passes("HTTP/1.0 with keep-alive", b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", GET),
    passes("obs-text in the target", line(b"GET /\xe4\xff HTTP/1.1"), why="legacy applications link like this"),
    passes("UTF-8 in the target", line("GET /grüße?ä=ö HTTP/1.1".encode()), why="legacy applications link like this"),
    passes("odd but printable target", line(b"GET /a%2Fb//../c;d?e=f?g&h=[1]|{}^`\\\"<> HTTP/1.1"),
           why="the target is the application's; nothing decoded, nothing normalised"),
    refused("HTTP/0.9", b"GET /\r\n\r\n", why=VERSIONS),
    *(refused(f"version {version.decode()}", line(b"GET / HTTP/" + version), 505, why=VERSIONS)
      for version in (b"0.9", b"1.2", b"1.9", b"2.0", b"3.0")),
    *(refused(f"version {version.decode()}", line(b"GET / " + version), why="no HTTP version")
      for version in (b"HTTP/1", b"HTTP/11", b"HTTP/1.1.1", b"HTTP/01.1", b"HTTP/1.10", b"http/1.1", b"HTTPS/1.1",
                      b"HTTP/1.x", b"HTTP/1,1", b"HTTP 1.1")),
    Case("preface of HTTP/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + BEHIND,), statuses=(), end=CLOSED,
         why="behind it only frames are read; HTTP/2 never reaches the backend"),
    refused("preface of HTTP/2, wrong at its end", b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", 505),
    refused("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
    refused("tab in the request line", line(b"GET\t/ HTTP/1.1")),
    refused("two spaces before the target", line(b"GET  / HTTP/1.1")),
    refused("two spaces before the version", line(b"GET /  HTTP/1.1")),
    refused("space behind the version", line(b"GET / HTTP/1.1 ")),
    refused("space in the target", line(b"GET /a b HTTP/1.1"), why="which part is the target?"),
    refused("space before the method", line(b" GET / HTTP/1.1")),
    refused("no target", line(b"GET HTTP/1.1")),
    refused("no token as a method", line(b"G(T / HTTP/1.1")),
    refused("method with a colon", line(b"GET: / HTTP/1.1")),
    refused("method with a control", line(b"GET\x01 / HTTP/1.1")),
    refused("method of 300 letters", line(b"A" * 300 + b" / HTTP/1.1"), 501),
    refused("fragment in the target", line(b"GET /a#b HTTP/1.1"), why="a fragment never leaves a client"),
    refused("NUL in the target", line(b"GET /\x00 HTTP/1.1")),
    refused("control in the target", line(b"GET /\x01 HTTP/1.1")),
    refused("DEL in the target", line(b"GET /\x7f HTTP/1.1")),
    refused("tab in the target", line(b"GET /a\tb HTTP/1.1")),
    refused("bare CR in the target", line(b"GET /a\rb HTTP/1.1")),
    refused("a target of 40 kB", line(b"GET /" + b"a" * 40000 + b" HTTP/1.1"), 414),
    refused("a field of 40 kB", head(b"X: " + b"a" * 40000 + b"\r\n"), 431),
    refused("two hundred fields", head(b"X: y\r\n" * 200), 431),
    refused("Connection with thousands of names", head(b"Connection: " + b"a," * 10000 + b"a\r\n"), 431,
            why="each is looked for among all fields"),
    refused("CONNECT", line(b"CONNECT h:443 HTTP/1.1"), 405, why="not a forward proxy"),
    refused("CONNECT with a path", line(b"CONNECT / HTTP/1.1"), 405, why="not a forward proxy"),
]

FIELDS = [
    passes("empty values", head(b"A:\r\nB: \r\n"), head(b"A: \r\nB: \r\n"), why="a field is written anew"),
    passes("spaces and tabs around a value", head(b"A: \t b \t \r\n"), head(b"A: b\r\n"),
           why="a field is written anew"),
    passes("obs-text in a value", head(b"A: \xfc\r\n")),
    passes("tab in a value", head(b"A: b\tc\r\n")),
    passes("every character of a token in a name", head(b"!#$%&'*+-.^`|~09azAZ: b\r\n")),
    passes("underscores in a name", head(b"X_Token: b\r\n"), why="legacy applications use them; nginx drops them"),
    refused("X_Forwarded_For", head(b"X_Forwarded_For: 127.0.0.1\r\n"),
            why="a CGI backend reads it as X-Forwarded-For; nginx drops it"),
    refused("bare LF everywhere", b"GET / HTTP/1.1\nHost: h\n\n", why=LINES),
    refused("bare LF behind the request line", b"GET / HTTP/1.1\nHost: h\r\n\r\n", why=LINES),
    refused("bare LF behind a field", head(b"A: b\n"), why=LINES),
    refused("bare LF in a value", head(b"A: b\nC: d\r\n"), why=LINES),
    refused("bare LF for the blank line", GET[:-2] + b"\n", why=LINES),
    refused("bare LF before a request", b"\n" + GET, why=LINES),
    refused("bare CR in a value", head(b"A: b\rc\r\n"), why=LINES),
    refused("bare CR behind a name", head(b"A\r: b\r\n"), why=LINES),
    refused("bare CR before a request", b"\r" + GET, why=LINES),
    refused("two CR before LF", head(b"A: b\r\r\n"), why=LINES),
    refused("folded value", head(b"A: b\r\n c\r\n"), why="obs-fold (RFC 9112, 5.2)"),
    refused("folded with a tab", head(b"A: b\r\n\tc\r\n"), why="obs-fold (RFC 9112, 5.2)"),
    refused("folded behind the request line", b"GET / HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n", why="RFC 9112, 2.2"),
    refused("space before the colon", head(b"A : b\r\n"), why="RFC 9112, 5.1"),
    refused("tab before the colon", head(b"A\t: b\r\n"), why="RFC 9112, 5.1"),
    refused("empty name", head(b": b\r\n"), why=NAMES),
    refused("no colon", head(b"A\r\n"), why=NAMES),
    *(refused(f"{name} in a name", head(b"A" + char + b"B: c\r\n"), why=NAMES) for name, char in (
        ("NUL", b"\x00"), ("control", b"\x01"), ("DEL", b"\x7f"), ("space", b" "), ("obs-text", b"\xe4"),
        ("slash", b"/"), ("quote", b'"'), ("bracket", b"("), ("comma", b","), ("semicolon", b";"))),
    *(refused(f"{name} in a value", head(b"A: b" + char + b"c\r\n"), why=NAMES) for name, char in (
        ("NUL", b"\x00"), ("control", b"\x01"), ("escape", b"\x1b"), ("vertical tab", b"\x0b"), ("DEL", b"\x7f"))),
]

HOSTS = [
    passes("host with a port", host(b" example.com:8080")),
    passes("IPv6 host", host(b" [::1]:80")),
    passes("host with an underscore", host(b" my_service")),
    passes("empty host", host(b""), host(b" "), why="RFC 9110, 7.2: an empty authority is one"),
    refused("no Host", b"GET / HTTP/1.1\r\n\r\n"),
    refused("two hosts", head(b"Host: h\r\n")),
    refused("two hosts that differ", head(b"Host: evil\r\n")),
    refused("two hosts over HTTP/1.0", b"GET / HTTP/1.0\r\nHost: h\r\nhost: i\r\n\r\n"),
    *(refused(f"host {value.decode('latin-1')!r}", host(b" " + value), why="no uri-host") for value in (
        b"a b", b"a,b", b"a, b", b"a/b", b"a?b", b"a#b", b"user@a", b"a\\b", b"a:80:80", b"a:x", b"a:-1", b"::1",
        b"[::1", b"[::1]x", b"http://a", b'"a"', b"a\x7f", b"a\x00", b":80", b"a[b]")),
    passes("absolute-form", b"GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", head(line=b"GET /a?b HTTP/1.1"),
           why="brought to origin-form"),
    passes("absolute-form without a path", b"GET HTTP://h HTTP/1.1\r\nHost: h\r\n\r\n", GET,
           why="brought to origin-form"),
    passes("absolute-form without Host over HTTP/1.0", b"GET http://i/a HTTP/1.0\r\n\r\n",
           b"GET /a HTTP/1.1\r\nHost: i\r\n\r\n", end=CLOSED, why="Host comes from the target"),
    refused("absolute-form of another host", line(b"GET http://evil/ HTTP/1.1"),
            why="one of two hosts would be routed by, the other one served by"),
    refused("absolute-form of another port", line(b"GET http://h:81/ HTTP/1.1"), why="a contradiction"),
    refused("absolute-form beside an empty host", b"GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n", why="a contradiction"),
    refused("absolute-form without a host", line(b"GET http:///a HTTP/1.1")),
    refused("absolute-form with a user", b"GET http://u@h/ HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    refused("absolute-form without Host", b"GET http://h/ HTTP/1.1\r\n\r\n", why="RFC 9112, 3.2: Host is required"),
    refused("another scheme", line(b"GET ftp://h/ HTTP/1.1"), why="not ours to serve"),
    refused("a target without a slash", line(b"GET index.html HTTP/1.1")),
    refused("a query without a path", line(b"GET http://h?a HTTP/1.1")),
    refused("authority-form", line(b"GET h:80 HTTP/1.1")),
    passes("asterisk-form", line(b"OPTIONS * HTTP/1.1")),
    refused("asterisk-form with GET", line(b"GET * HTTP/1.1")),
]

ONE_CONNECTION = [
    passes("what is of one connection", head(b"Connection: x-a, close\r\nX-A: 1\r\nKeep-Alive: 5\r\nX-B: 2\r\n"
                                             b"Proxy-Connection: x\r\nTE: gzip\r\nUpgrade: x\r\n"),
           head(b"X-B: 2\r\n"), end=CLOSED, why="RFC 9110, 7.6.1"),
    passes("Connection names Host", head(b"Connection: Host\r\n"), GET, why="a field that must stay, stays"),
    passes("Connection names Content-Length",
           b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nabcde",
           b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde", why="a field that must stay, stays"),
    passes("Connection names Transfer-Encoding",
           b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"1\r\na\r\n0\r\n\r\n",
           b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
           why="a field that must stay, stays"),
    passes("Connection names X-Forwarded-For", head(b"Connection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.1\r\n"),
           head(b"X-Forwarded-For: 192.0.2.1\r\n"), why="what proxies say about a client is not its to remove"),
    passes("Upgrade: h2c", head(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
           GET, why="HTTP/2 never reaches the backend"),
    passes("Upgrade: h2c among others", head(b"Connection: Upgrade\r\nUpgrade: h2c, x\r\n"),
           head(b"Connection: Upgrade\r\nUpgrade: x\r\n"), why="HTTP/2 never reaches the backend"),
    passes("Upgrade that Connection does not name", head(b"Upgrade: websocket\r\n"), GET),
    Case("Expect: 100-continue",
         (b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",),
         answer=b"HTTP/1.1 100 Continue\r\n\r\n" + OK, statuses=(100, 200),
         seen=(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",)),
    *(refused(f"Expect: {value.decode()}", head(b"Expect: " + value + b"\r\n"), 417)
      for value in (b"200-ok", b"100-continue, x", b"y")),
]

CASES = REQUEST_LINES + FIELDS + HOSTS + ONE_CONNECTION
