"""A shelf of files behind Python's own http.server: HTTP/1.0, one connection a request, and a stream that ends
when it is closed."""

import json
import os
import sys
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from pieces import pieces

HERE = Path(__file__).resolve().parent
SILENCE = float(os.environ.get("SILENCE", "3"))


class Shelf(SimpleHTTPRequestHandler):
    def __init__(self, *args):
        super().__init__(*args, directory=str(HERE / "static"))

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/login/stream":
            self.event_stream([b"data: qr\n\n", SILENCE, b"data: done\n\n"])
        elif path.startswith("/streams/"):
            self.event_stream(pieces(path.removeprefix("/streams/")))
        else:
            super().do_GET()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = json.dumps({"length": len(body), "text": body.decode("utf-8", "replace"),
                             "type": self.headers.get("Content-Type")}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer)  # no Content-Length: the close tells the end

    def event_stream(self, play):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in play:
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                self.wfile.write(piece)


class Server(ThreadingHTTPServer):
    request_queue_size = 128


Server(("127.0.0.1", int(sys.argv[1])), Shelf).serve_forever()
