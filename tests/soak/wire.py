"""HTTP/1.1 for both ends of the soak, and content that each end can compute for itself."""

import asyncio
import socket
import struct

HEARTBEAT = b": heartbeat\n"
_PATTERN = b"".join(b"%07x\n" % n for n in range(1 << 16))


def content(seed, size):
    """`size` bytes that follow from `seed`."""
    start = seed * 7919 % (len(_PATTERN) // 2)
    return (_PATTERN[start:] * (1 + size // (len(_PATTERN) // 2)))[:size]


def event(seed, number):
    return b"id: %d-%d\ndata: %s\ndata: more\n\n" % (seed, number, b"x" * ((seed + number * 37) % 300))


def events(seed, count):
    return b"".join(event(seed, number) for number in range(count))


def without_heartbeats(text):
    """A heartbeat has a blank line between events and is the comment line alone inside one."""
    rest, lines = bytearray(), text.splitlines(keepends=True)
    skip = 0
    for number, line in enumerate(lines):
        if skip:
            skip -= 1
        elif line != HEARTBEAT:
            rest += line
        elif (not rest or rest.endswith(b"\n\n")) and lines[number + 1:number + 2] == [b"\n"]:
            skip = 1
    return bytes(rest)


def chunk(piece):
    return b"%x\r\n%s\r\n" % (len(piece), piece)


LAST_CHUNK = b"0\r\n\r\n"


class Message:
    """A head and its body; `whole` says whether it ended as its framing promised."""

    def __init__(self, start_line, fields):
        self.start_line, self.fields, self.body, self.whole = start_line, fields, b"", False

    @property
    def status(self):
        return int(self.start_line.split()[1])


async def read_head(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return Message(lines[0], {name.lower(): value.strip() for name, _, value in pairs})


async def read_body(reader, message, until_close):
    body = bytearray()
    try:
        if "chunked" in message.fields.get("transfer-encoding", ""):
            while size := int(await reader.readuntil(b"\r\n"), 16):
                left = size
                while left:
                    piece = await reader.read(left)
                    if not piece:
                        raise EOFError
                    body += piece
                    left -= len(piece)
                if await reader.readexactly(2) != b"\r\n":
                    raise ValueError("a chunk that does not end where it says")
            await reader.readexactly(2)
        elif "content-length" in message.fields:
            left = int(message.fields["content-length"])
            while left and (piece := await reader.read(left)):
                body += piece
                left -= len(piece)
            if left:
                raise EOFError
        elif until_close:
            while piece := await reader.read(1 << 16):
                body += piece
        message.whole = True
    except (EOFError, ConnectionError):
        pass
    message.body = bytes(body)


async def read_message(reader, until_close=False):
    message = await read_head(reader)
    await read_body(reader, message, until_close and message.status not in (101, 204, 304))
    return message


async def send(writer, data):
    """Over TLS drain() alone may never let the loop see that the connection is gone."""
    writer.write(data)
    await writer.drain()
    await asyncio.sleep(0)


async def drip(writer, data, pause):
    for at in range(0, len(data), 7):
        writer.write(data[at:at + 7])
        await writer.drain()
        await asyncio.sleep(pause)


def reset(writer):
    """Ends a connection with a reset; what was not sent is lost."""
    if (raw := writer.get_extra_info("socket")) is not None and not writer.transport.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
