"""Python's http.server speaks HTTP/1.0: every answer ends with its connection, and a client of HTTP/1.1 need not
notice."""

import json

from harness import Case, main
from wire import Connection, fetch


class Shelf(Case):
    @classmethod
    def start(cls, systems):
        cls.backend = systems.python_http()
        cls.sidecar = systems.sidecar(cls.backend.port)

    def test_files_pass(self):
        straight, through = (fetch(port, "/style.css") for port in (self.backend.port, self.sidecar.port))
        self.assertEqual((through.status, through.body, through.end), (200, straight.body, "complete"))
        for name in ("Content-Type", "Content-Length", "Last-Modified", "Server"):
            self.assertEqual(through.all(name), straight.all(name))
        again = fetch(self.sidecar.port, "/style.css", fields={"If-Modified-Since": straight.get("Last-Modified")})
        self.assertEqual((again.status, again.body), (304, b""))

    def test_listings_redirects_and_errors_pass(self):
        self.assertIn(b"style.css", fetch(self.sidecar.port, "/").body)
        self.assertEqual(fetch(self.sidecar.port, "/nothing").status, 404)
        self.assertEqual(fetch(self.sidecar.port, "/style.css", "HEAD").body, b"")
        self.assertEqual(fetch(self.sidecar.port, "/style.css", "PUT", body=b"x").status, 501)

    def test_the_answer_is_in_the_clients_version(self):
        self.assertEqual(fetch(self.backend.port, "/style.css").version, "HTTP/1.0")
        self.assertEqual(fetch(self.sidecar.port, "/style.css").version, "HTTP/1.1")

    def test_a_client_keeps_its_connection(self):
        with Connection(self.sidecar.port) as connection:
            for number in range(5):
                answer = connection.request("GET", "/style.css")
                answer.read()
                self.assertEqual((answer.status, answer.end), (200, "complete"), number)
                # no Content-Length here: only the close of the backend's connection ends the body
                answer = connection.request("POST", "/form", {"Content-Type": "text/plain"}, b"number %d" % number)
                self.assertEqual(json.loads(answer.read())["text"], f"number {number}")
                self.assertEqual((answer.status, answer.end), (201, "complete"))

    def test_a_client_of_http_1_0_may_keep_its_connection_where_the_length_is_known(self):
        with Connection(self.sidecar.port) as connection:
            answer = connection.request("GET", "/style.css", {"Connection": "keep-alive"}, version="HTTP/1.0")
            answer.read()
            self.assertEqual((answer.get("Connection", "").lower(), answer.all("Content-Length") != []),
                             ("keep-alive", True), answer.fields)
            self.assertEqual(connection.request("GET", "/style.css", version="HTTP/1.0").status, 200)


if __name__ == "__main__":
    main()
