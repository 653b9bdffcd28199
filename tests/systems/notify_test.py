"""The notification server: nothing is said for long. What the backend has flushed reaches the client at once; what it
has not is not invented for it."""

from harness import READ_TIMEOUT, Case, Front, main, seconds, together
from recording import record
from wire import fetch


class Notify(Case):
    @classmethod
    def start(cls, systems):
        cls.backend = systems.node("notify")
        cls.sidecar = systems.sidecar(cls.backend.port)
        cls.front, cls.front_1_1 = Front(cls.sidecar.port), Front(cls.sidecar.port, "1.1")
        systems.nginx(cls.front, cls.front_1_1)
        calls = {
            "late-head": lambda: record(cls.sidecar.port, "/events?name=late-head&after=1.2"),
            "flushed": lambda: record(cls.sidecar.port, "/events?name=flushed&after=2.5&flush=1"),
            "flushed-nginx-1.0": lambda: record(cls.front.port, "/events?name=flushed-nginx-1.0&after=2.5&flush=1"),
            "flushed-nginx-1.1": lambda: record(cls.front_1_1.port, "/events?name=flushed-nginx-1.1&after=2.5&flush=1"),
            "hello": lambda: record(cls.sidecar.port, "/events?name=hello&after=2.5&hello=1"),
        }
        cls.seen = together(calls)

    def test_a_head_that_comes_with_the_first_event_comes_with_the_first_event(self):
        seen = self.seen["late-head"]
        self.assertEqual((seen.status, seen.events, seen.end),
                         (200, [("new_message", '{"chat_id":13}')], "complete"), seen)
        self.assertGreater(seen.after(seen.response.head_at), seconds(1.1), seen)
        self.assertEqual(seen.heartbeats, [], seen)

    def test_a_flushed_head_is_there_at_once_and_heartbeats_follow(self):
        for name in ("flushed", "flushed-nginx-1.0", "flushed-nginx-1.1"):
            seen = self.seen[name]
            self.assertEqual((seen.status, seen.events, seen.end),
                             (200, [("new_message", '{"chat_id":13}')], "complete"), seen)
            self.assertLess(seen.after(seen.response.head_at), seconds(READ_TIMEOUT) * 0.9, seen)
            self.assertGreaterEqual(len(seen.heartbeats), 4, seen)
            self.assertLess(seen.heartbeats[-1].at, seen.parser.event_times[0] + 0.001, seen)

    def test_without_nginx_the_head_comes_alone(self):
        seen = self.seen["flushed"]
        self.assertLess(seen.after(seen.response.head_at), seconds(0.25), seen)
        self.assertEqual(seen.response.pieces[0][1], b": heartbeat\n\n", seen)

    def test_a_greeting_is_passed_on_at_once(self):
        seen = self.seen["hello"]
        self.assertEqual([kind for kind, _ in seen.events], ["connection_confirmed", "new_message"], seen)
        self.assertLess(seen.after(seen.parser.event_times[0]), seconds(0.25), seen)

    def test_an_ordinary_answer_may_be_as_late_as_it_likes(self):
        answer = fetch(self.sidecar.port, "/later?after=1.5", fields={"Accept": "text/event-stream"})
        self.assertEqual(answer.body, b"at last")


if __name__ == "__main__":
    main()
