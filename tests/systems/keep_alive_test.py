"""Legacy servers drop idle connections early: gunicorn after 2 s, Node here after 1 s. No request may be the
one that finds out."""

import hashlib
import json
import os
import time

from harness import Case, Front, main, together
from wire import Connection, fetch

CLIENTS = 12


class KeepAliveCases(Case):
    """Twelve clients ask at the same time, then all fall silent for about as long as the backend bears it,
    round after round."""

    pauses = ()

    @classmethod
    def start(cls, systems):
        cls.backend = cls.serve(systems)
        cls.sidecar = systems.sidecar(cls.backend.port)
        cls.front = Front(cls.sidecar.port, "1.1")
        systems.nginx(cls.front)

    def ask(self, connection, round_number, client):
        if client % 3 == 2:
            body = os.urandom(1000)
            answer = connection.request("POST", self.target, body=body)
            self.assertEqual(json.loads(answer.read()).get("sha256"), hashlib.sha256(body).hexdigest())
        else:
            answer = connection.request("GET", f"{self.target}?round={round_number}&client={client}")
            answer.read()
        self.assertEqual((answer.status, answer.end), (200, "complete"))
        return answer.status

    def test_no_request_fails_around_the_limit(self):
        def client(number):
            def live():
                with Connection(self.sidecar.port) as connection:
                    answered = 0
                    for round_number, pause in enumerate((0.0,) + self.pauses):
                        # the clients reach a little to both sides of the round's moment
                        time.sleep(pause and pause + (number - CLIENTS / 2) * 0.004)
                        answered += self.ask(connection, round_number, number) == 200
                    return answered
            return live
        results = together({number: client(number) for number in range(CLIENTS)})
        self.assertEqual(list(results.values()), [len(self.pauses) + 1] * CLIENTS)

    def test_no_request_fails_in_a_crowd(self):
        """New clients behind nginx, one after the other without a pause: the pool's connections are used and
        come to no harm."""
        def client():
            return [fetch(self.front.port, f"{self.target}?n={number}").status for number in range(30)]
        results = together({number: client for number in range(4)})
        self.assertEqual(list(results.values()), [[200] * 30] * 4)


class Gunicorn(KeepAliveCases):
    target = "/api/echo"
    pauses = (1.90, 1.97, 2.0, 2.02, 2.06, 2.2)

    @classmethod
    def serve(cls, systems):
        return systems.gunicorn(worker="gthread", threads=32)


class Node(KeepAliveCases):
    target = "/echo"
    pauses = (0.95, 0.98, 1.0, 1.02, 1.05, 1.98, 2.0, 2.02)

    @classmethod
    def serve(cls, systems):
        return systems.node("plain", KEEP_ALIVE="1000")


if __name__ == "__main__":
    main()
