"""Reads streams.json: a string is sent as UTF-8, a number is a pause in seconds, {"hex"} are bytes, {"rows"} so
many short events, {"fill"} so many letters, {"drip"} a text sent byte by byte."""

import json
import os
from pathlib import Path

SLOW = float(os.environ.get("APP_SLOW", "1"))
STREAMS = json.loads((Path(__file__).resolve().parent / "streams.json").read_text())


def pieces(name):
    """The stream as bytes and pauses (floats)."""
    for piece in STREAMS[name]:
        if isinstance(piece, (int, float)):
            yield piece * SLOW
        elif isinstance(piece, str):
            yield piece.encode()
        elif "hex" in piece:
            yield bytes.fromhex(piece["hex"])
        elif "rows" in piece:
            yield b"".join(b'id: %d\nevent: row\ndata: {"n": %d}\n\n' % (n, n) for n in range(piece["rows"]))
        elif "fill" in piece:
            yield b"x" * piece["fill"]
        elif "drip" in piece:
            for byte in piece["drip"].encode():
                yield bytes([byte])
                yield 0.01 * SLOW


def content(name):
    """All that the stream sends, as one piece."""
    return b"".join(piece for piece in pieces(name) if isinstance(piece, bytes))
