"""Where a request's body ends (RFC 9112 section 6): one reading, or none."""

from case import CLOSED, chunked, passes, post, refused

SMUGGLE = "two readings of where the request ends"
BODY = b"5\r\nabcde\r\n0\r\n\r\n"


def length(value, body=b"abcde"):
    return post(b"Content-Length:" + value + b"\r\n", body)


def coding(value, version=b"1.1", before=b"Transfer-Encoding:"):
    return post(before + value + b"\r\n", BODY, version)


BOTH = [
    refused("Content-Length before Transfer-Encoding",
            post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", BODY), why=SMUGGLE),
    refused("Content-Length behind Transfer-Encoding",
            post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", BODY), why=SMUGGLE),
    refused("an empty Content-Length beside Transfer-Encoding",
            post(b"Transfer-Encoding: chunked\r\nContent-Length:\r\n", BODY), why=SMUGGLE),
    refused("Content-Length: 0 beside Transfer-Encoding",
            post(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", BODY), why=SMUGGLE),
    refused("Content_Length", post(b"Content_Length: 5\r\n", b"abcde"),
            why="a CGI backend reads it as Content-Length; nginx drops it"),
    refused("Transfer_Encoding", post(b"Transfer_Encoding: chunked\r\n", BODY),
            why="a CGI backend reads it as Transfer-Encoding; nginx drops it"),
]

LENGTHS = [
    passes("a length", length(b" 5")),
    passes("a length of nothing", length(b" 0", b"")),
    passes("a length with leading zeros", length(b" 0005"), length(b" 5"), why="written anew as it was understood"),
    passes("a length without a space before it", length(b"5"), length(b" 5"), why="written anew"),
    passes("a body in pieces", (b"POST / HTTP/1.1\r\nHo", b"st: h\r\nContent-Length: 5\r", b"\n\r\nab", b"cde"),
           length(b" 5")),
    refused("repeated length", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"abcde"),
            why="tolerable in a response, suspicious in a request"),
    refused("different lengths", post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"abcde"), why=SMUGGLE),
    refused("different lengths, spelled differently",
            post(b"Content-Length: 0\r\ncontent-length: 5\r\n", b"abcde"), why=SMUGGLE),
    *(refused(f"length: {name}", length(value), why="the length is 1*DIGIT and nothing else") for name, value in (
        ("plus sign", b" +5"), ("minus sign", b" -5"), ("minus nothing", b" -0"), ("hex", b" 0x5"), ("octal", b" 0o5"),
        ("letters behind it", b" 5h"), ("fraction", b" 5.0"), ("exponent", b" 5e0"), ("underscore", b" 1_0"),
        ("space inside", b" 5 5"), ("list", b" 5, 5"), ("list without an end", b" 5,"), ("empty list", b" ,5"),
        ("empty length", b""), ("spaces only", b"   "), ("quoted", b' "5"'), ("tab before", b"\t5"),
        ("tab behind", b" 5\t"), ("vertical tab before", b" \x0b5"), ("form feed behind", b" 5\x0c"),
        ("other digits", b" \xd9\xa5"), ("NUL behind", b" 5\x00"), ("no-break space", b" 5\xc2\xa0"))),
    refused("length of 2^64 and 5", length(b" 18446744073709551621"), 413, why="never cut to the bits of a number"),
    refused("length of 2^63", length(b" 9223372036854775808"), 413, why="never a negative number"),
    refused("length of many digits", length(b" 1" + b"0" * 300), 413, why="a number, larger than any body"),
    refused("length of many zeros", length(b" " + b"0" * 300 + b"5"), 413, why="nobody writes a length so"),
    refused("space before the colon of a length", post(b"Content-Length : 5\r\n", b"abcde")),
]

FORWARDED = chunked(BODY)
CODING = "the only coding is `chunked`, in one field line"

CODINGS = [
    passes("chunked", coding(b" chunked"), FORWARDED),
    passes("CHUNKED", coding(b" CHUNKED"), FORWARDED),
    passes("chunked with spaces around it", coding(b"   chunked  "), FORWARDED),
    passes("transfer-encoding in capitals", coding(b" chunked", before=b"TRANSFER-ENCODING:"), FORWARDED),
    *(refused(f"coding: {name}", coding(value), why=CODING) for name, value in (
        ("identity", b" identity"), ("identity and chunked in one value", b" chunked, identity"),
        ("gzip last", b" chunked, gzip"), ("parameter", b" chunked;foo=bar"),
        ("parameter behind a space", b" chunked ;a"),
        ("comma behind it", b" chunked,"), ("comma before it", b" , chunked"), ("quoted coding", b' "chunked"'),
        ("single quotes", b" 'chunked'"), ("x-chunked", b" x-chunked"), ("chunkedx", b" chunkedx"),
        ("chunk", b" chunk"),
        ("two words", b" chunked x"), ("two words the other way", b" x chunked"), ("empty coding", b""),
        ("tab before the coding", b"\tchunked"), ("tab behind the coding", b" chunked\t"),
        ("vertical tab before the coding", b" \x0bchunked"), ("form feed behind the coding", b" chunked\x0c"),
        ("NUL behind the coding", b" chunked\x00"), ("control before the coding", b" \x01chunked"),
        ("no-break space before the coding", b" \xc2\xa0chunked"), ("k of Kelvin", b" chun\xe2\x84\xaaed"),
        ("backslash", b" chunk\\ed"), ("bare CR in the coding", b" chunked\rX: y"),
        ("folded coding", b"\r\n chunked"))),
    refused("two codings, the last one chunked", coding(b" gzip, chunked"), 501, why="honest, but not served"),
    refused("chunked twice in one value", coding(b" chunked, chunked"), 501, why=CODING),
    refused("chunked twice", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", BODY), why=CODING),
    refused("chunked, then identity in another line",
            post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", BODY), why=CODING),
    refused("identity, then chunked in another line",
            post(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", BODY), why=CODING),
    refused("identity beside a length", post(b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", b"abcde"),
            why=SMUGGLE),
    refused("space before the colon of a coding", coding(b" chunked", before=b"Transfer-Encoding :")),
    refused("tab before the colon of a coding", coding(b" chunked", before=b"Transfer-Encoding\t:")),
    refused("space before the name of a coding", coding(b" chunked", before=b" Transfer-Encoding:")),
    refused("coding hidden behind a bare LF", coding(b" chunked", before=b"X: y\nTransfer-Encoding:")),
    refused("coding hidden behind a bare CR", coding(b" chunked", before=b"X: y\rTransfer-Encoding:")),
    refused("coding without a colon", coding(b" chunked", before=b"Transfer-Encoding")),
    refused("control in the name of a coding", coding(b" chunked", before=b"Transfer-Encoding\x01:")),
    refused("chunked over HTTP/1.0", coding(b" chunked", b"1.0"), why="HTTP/1.0 has no codings (RFC 9112, 6.1)"),
    refused("both framings over HTTP/1.0",
            post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", BODY, b"1.0"), why=SMUGGLE),
    passes("a length over HTTP/1.0", post(b"Content-Length: 5\r\n", b"abcde", b"1.0"), length(b" 5"), end=CLOSED),
]


def broken(name, body, status=400, why="", lines=b""):
    return refused(name, chunked(body, lines), status, why, begun=True)


SIZES = "a chunk size is 1*HEXDIG and nothing else"
TRAILERS = "a trailer that a backend may take for the head's"

CHUNKS = [
    passes("chunks are written anew", chunked(b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"),
           chunked(b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")),
    passes("leading zeros of a chunk size", chunked(b"0005\r\nabcde\r\n000\r\n\r\n"), FORWARDED,
           why="written anew as it was understood"),
    passes("chunk extensions", chunked(b'5;a=b;c="d"\r\nabcde\r\n0;last\r\n\r\n'), FORWARDED,
           why="extensions are for the next hop only"),
    passes("trailers", chunked(b"5\r\nabcde\r\n0\r\nDigest: x\r\n\r\n"),
           chunked(b"5\r\nabcde\r\n0\r\nDigest: x\r\n\r\n"), why="a trailer field is passed on"),
    *(broken(name, line + b"\r\nabcde\r\n0\r\n\r\n", why=SIZES) for name, line in (
        ("plus sign before a chunk size", b"+5"), ("minus sign before a chunk size", b"-5"),
        ("0x before a chunk size", b"0x5"),
        ("space before a chunk size", b" 5"), ("space behind a chunk size", b"5 "), ("tab behind a chunk size", b"5\t"),
        ("space before an extension", b"5 ;a"), ("letter behind a chunk size", b"5g"), ("no chunk size", b""),
        ("extension without a size", b";a=b"), ("NUL in an extension", b"5;a\x00"),
        ("control in an extension", b"5;a\x01"),
        ("bare CR in an extension", b"5;a\rb"))),
    broken("chunk size ends in a bare LF", b"5\nabcde\r\n0\r\n\r\n", why=SMUGGLE),
    broken("extension ends in a bare LF", b"5;a\nabcde\r\n0\r\n\r\n", why=SMUGGLE),
    broken("bare LF behind the data", b"5\r\nabcde\n0\r\n\r\n", why=SMUGGLE),
    broken("bare CR behind the data", b"5\r\nabcde\rX0\r\n\r\n", why=SMUGGLE),
    broken("more data than the size says", b"5\r\nabcdefg\r\n0\r\n\r\n", why=SMUGGLE),
    broken("less data than the size says", b"6\r\nabcde\r\n0\r\n\r\n", why=SMUGGLE),
    broken("bare LF for the last blank line", b"5\r\nabcde\r\n0\r\n\n", why=SMUGGLE),
    broken("chunk size of 2^64 and 5", b"10000000000000005\r\nabcde\r\n0\r\n\r\n", 413,
           why="never cut to the bits of a number"),
    broken("chunk size of 2^63", b"8000000000000000\r\nabcde\r\n0\r\n\r\n", 413, why="never a negative number"),
    broken("an extension of 2000 bytes", b"5;" + b"x" * 2000 + b"\r\nabcde\r\n0\r\n\r\n", 413,
           why="a flood that costs its sender nothing (RFC 9112, 7.1.1)"),
    broken("trailer section of 40 kB", b"0\r\n" + b"X: " + b"x" * 40000 + b"\r\n\r\n", 431),
    *(broken(f"trailer {name.decode()}", b"5\r\nabcde\r\n0\r\n" + name + b": 1\r\n\r\n", why=TRAILERS)
      for name in (b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"Authorization", b"Cookie",
                   b"X-Forwarded-For", b"content_length")),
    broken("space before the colon of a trailer", b"0\r\nA : b\r\n\r\n"),
    broken("folded trailer", b"0\r\nA: b\r\n c\r\n\r\n"),
    broken("request line instead of a trailer", b"0\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"),
]

CASES = BOTH + LENGTHS + CODINGS + CHUNKS
