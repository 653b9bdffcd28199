"""PHP's built-in server: one request at a time, every connection closed behind its answer."""

import hashlib
import json
import os

from harness import Case, Front, main, run, seconds, together
from recording import record
from wire import Connection, fetch

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EVENTS = [("order", '{"state":"paid"}'), ("order", '{"state":"shipped"}')]


class Shop(Case):
    @classmethod
    def start(cls, systems):
        cls.backend = systems.php()
        cls.sidecar = systems.sidecar(cls.backend.port)

    def test_a_cart_fills_itself_over_one_connection(self):
        with Connection(self.sidecar.port) as connection:
            answer = connection.request("POST", "/cart", FORM, b"item=tea")
            answer.read()
            cookies = {cookie.split("=")[0]: cookie.split(";")[0] for cookie in answer.all("Set-Cookie")}
            self.assertEqual(set(cookies), {"PHPSESSID", "currency"})
            for item in ("milk", "t%C3%A9"):
                fields = {**FORM, "Cookie": cookies["PHPSESSID"]}
                connection.request("POST", "/cart", fields, f"item={item}".encode()).read()
            answer = connection.request("GET", "/cart", {"Cookie": cookies["PHPSESSID"]})
            self.assertEqual(json.loads(answer.read()), ["tea", "milk", "t\u00e9"])

    def test_pages_and_errors_pass(self):
        self.assertEqual(fetch(self.sidecar.port, "/").body, b"<h1>Shop</h1>\n")
        self.assertEqual(json.loads(fetch(self.sidecar.port, "/nothing").body), {"error": "not found"})
        answer = fetch(self.sidecar.port, "/old")
        self.assertEqual((answer.status, answer.get("Location")), (301, "/cart"))
        self.assertEqual(fetch(self.sidecar.port, "/", "HEAD").body, b"")

    def test_files_arrive(self):
        path = self.systems.folder / "photo.raw"
        path.write_bytes(os.urandom(1 << 20))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        done = run("curl", "--silent", "-F", f"file=@{path}", f"http://127.0.0.1:{self.sidecar.port}/upload")
        self.assertEqual(json.loads(done.stdout), {"name": "photo.raw", "size": 1 << 20, "sha256": digest})
        answer = fetch(self.sidecar.port, "/put", "PUT", body=path.read_bytes())
        self.assertEqual((answer.status, json.loads(answer.body)),
                         (201, {"method": "PUT", "length": 1 << 20, "sha256": digest}))


class Orders(Case):
    """Two shops, because one can serve but one stream: bare behind nginx, and behind nginx with the sidecar."""

    @classmethod
    def start(cls, systems):
        bare, kept, direct = systems.php(), systems.php(), systems.php()
        fronts = [Front(bare.port), Front(systems.sidecar(kept.port).port)]
        systems.nginx(*fronts)
        sidecar = systems.sidecar(direct.port)
        cls.seen = together({"bare": lambda: record(fronts[0].port, "/order/stream"),
                             "nginx": lambda: record(fronts[1].port, "/order/stream"),
                             "sidecar": lambda: record(sidecar.port, "/order/stream")})

    def test_bare_nginx_cuts_the_stream(self):
        seen = self.seen["bare"]
        self.assertTrue(seen.status in (None, 504) or seen.end != "complete", seen)
        self.assertNotIn(EVENTS[-1], seen.events, seen)

    def test_with_the_sidecar_it_arrives(self):
        for name in ("nginx", "sidecar"):
            seen = self.seen[name]
            self.assertEqual((seen.status, seen.events, seen.end), (200, EVENTS, "complete"), seen)
            self.assertGreaterEqual(len(seen.heartbeats), 5, seen)
            self.assertLess(seen.after(seen.parser.event_times[0]), seconds(1), seen)


if __name__ == "__main__":
    main()
