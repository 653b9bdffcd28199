"""A legacy backend that tells its name, and whose streams have no end: in chunks, so that one that is cut can be told
from one that is whole. It runs in a container, from this text alone."""

import http.server
import socket
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path == "/name":
            body = socket.gethostname().encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            event = b"data: tick\n\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(0.2)


http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
