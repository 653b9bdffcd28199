#!/usr/bin/env python3
"""The load generator: without a proxy nothing is lost, and what a bad proxy does is seen."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "benchmarks"))

from processes import Program, clean_environment, free_port  # noqa: E402

DRIVER, RELAY = os.environ["BENCH_DRIVER"], os.environ["BENCH_RELAY"]
ANYWHERE = os.sched_getaffinity(0)


def play(words, proxy, origin, pid):
    """The exit code of one scenario, and what it said."""
    argv = [DRIVER, "--proxy", str(proxy), "--origin", str(origin), "--pids", str(pid), "--scenario", *words.split()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=clean_environment())
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


class WithoutProxy(unittest.TestCase):
    """The clients connect to their own backend."""

    def play(self, words):
        port = free_port()
        code, said = play(words, port, port, os.getpid())
        self.assertEqual(code, 0, said)
        self.assertEqual({key: said[key] for key in ("missing", "repeated", "cut", "refused")},
                         {"missing": 0, "repeated": 0, "cut": 0, "refused": 0})
        return said

    def test_every_scenario_loses_nothing(self):
        self.assertGreater(self.play("fanout --streams 20 --seconds 0.2 --warm-up 0.1")["events"], 20)
        self.assertGreater(self.play("requests --streams 4 --seconds 0.2 --warm-up 0.1")["requests"], 4)
        storm = self.play("storm --streams 50 --cycles 2")
        self.assertEqual((storm["streams"], storm["kept_upstream"]), (100, 0))
        self.assertIn("pss_40_kib", self.play("idle --steps 20,40 --warm-up 0.1"))
        burst = self.play("burst --streams 2 --events 5000")
        self.assertEqual(burst["megabytes"], 2 * 5000 * 256 / 1e6)

    def test_a_rate_is_kept(self):
        said = self.play("rate --streams 50 --rate 20 --seconds 1 --warm-up 0.2")
        self.assertGreater(said["events"], 0.9 * 50 * 20)
        self.assertLess(said["events"], 1.1 * 50 * 20)

    def test_what_was_used_is_charged(self):
        # This very process is the proxy here and sleeps; the load generator works.
        said = self.play("fanout --streams 20 --seconds 0.5 --warm-up 0.1")
        self.assertLess(said["proxy_cpu_us"], said["driver_cpu_us"] / 2)
        self.assertGreater(said["driver_cpu_us"], 1e4)


def play_through_relay(words, *options):
    with tempfile.TemporaryDirectory() as folder:
        port, origin = free_port(), free_port()
        relay = Program("relay", [RELAY, "--listen", port, "--upstream", origin, *options], Path(folder), ANYWHERE)
        try:
            relay.wait_for_port(port)
            return play(words, port, origin, relay.pids[0])[1]
        finally:
            relay.stop()


class Heartbeats(unittest.TestCase):
    WORDS = "heartbeats --streams 40 --interval 1 --warm-up 1.2 --seconds 2"

    def test_of_the_relay_come_once_a_second(self):
        said = play_through_relay(self.WORDS, "--heartbeats", "on")
        self.assertEqual((said["open"], said["cut"]), (40, 0), said)
        self.assertGreaterEqual(said["heartbeats"], 1.5 * 40)  # in two seconds
        self.assertLessEqual(said["heartbeats"], 2.5 * 40)

    def test_are_none_without_being_asked_for(self):
        self.assertEqual(play_through_relay(self.WORDS)["heartbeats"], 0)


class BadProxy(unittest.TestCase):
    def losses(self, fault, words="rate --streams 20 --rate 20 --seconds 1 --warm-up 0.1"):
        said = play_through_relay(words, "--fault", fault, "--fault-every", 50)
        return {key for key in ("missing", "repeated", "cut") if said.get(key)}

    def test_a_good_one_loses_nothing(self):
        said = play_through_relay("rate --streams 20 --rate 20 --seconds 1 --warm-up 0.1")
        self.assertEqual((said["missing"], said["repeated"], said["cut"]), (0, 0, 0))
        self.assertGreater(said["proxy_cpu_us"], 0)

    def test_the_cheap_parts_of_a_sample_cost_less_than_all(self):
        for words, unit in (("fanout --streams 20 --seconds 1 --warm-up 0.1", "events"),
                            ("requests --streams 4 --seconds 1 --warm-up 0.1", "requests")):
            said = play_through_relay(words)
            share = said["cpu_quartile_us"] / (said["proxy_cpu_us"] / said[unit])
            self.assertGreater(share, 0.2, said)
            self.assertLess(share, 1.05, said)

    def test_an_event_left_out_is_missing(self):
        self.assertIn("missing", self.losses("drop"))

    def test_an_event_sent_twice_is_repeated(self):
        self.assertEqual(self.losses("repeat"), {"repeated"})

    def test_a_changed_event_is_cut(self):
        self.assertIn("cut", self.losses("change"))

    def test_a_stream_that_breaks_off_is_cut(self):
        self.assertIn("cut", self.losses("cut"))

    def test_who_does_not_notice_that_clients_leave_gets_the_next_event(self):
        said = play_through_relay("storm --streams 30 --cycles 2", "--fault", "keep")
        self.assertEqual((said["streams"], said["kept_upstream"]), (60, 60))
        self.assertNotIn("error", said)

    def test_a_burst_that_breaks_off_is_seen(self):
        self.assertGreaterEqual(self.losses("cut", "burst --streams 1 --events 50000"), {"missing", "cut"})


class Failing(unittest.TestCase):
    def test_no_proxy_is_an_error(self):
        code, said = play("fanout --streams 2", free_port(), free_port(), os.getpid())
        self.assertEqual(code, 1)
        self.assertIn("could be opened", said["error"])

    def test_an_unknown_scenario_is_an_error(self):
        port = free_port()
        code, said = play("dance", port, port, os.getpid())
        self.assertEqual((code, said["error"]), (1, "no such scenario"))

    def test_a_proxy_that_is_gone_is_an_error(self):
        port = free_port()
        child = subprocess.Popen(["true"])
        child.wait()
        code, said = play("fanout --streams 2 --seconds 0.1", port, port, child.pid)
        self.assertEqual(code, 1)
        self.assertIn("gone", said["error"])


class Restart(unittest.TestCase):
    def test_clients_come_back(self):
        with tempfile.TemporaryDirectory() as folder:
            port, origin = free_port(), free_port()
            words = [RELAY, "--listen", port, "--upstream", origin]
            relay = Program("relay", words, Path(folder), ANYWHERE)
            relay.wait_for_port(port)
            argv = [DRIVER, "--proxy", str(port), "--origin", str(origin), "--pids", str(relay.pids[0]),
                    "--scenario", "restart", "--streams", "20"]
            driver = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      env=clean_environment())
            try:
                self.assertEqual(json.loads(driver.stdout.readline()), {"at": "restart"})
                relay.stop()
                relay = Program("relay", words, Path(folder), ANYWHERE)
                relay.wait_for_port(port)
                driver.stdin.write(f"{relay.pids[0]}\n")
                driver.stdin.flush()
                said = json.loads(driver.stdout.readline())
            finally:
                driver.kill()
                driver.communicate()
                relay.stop()
            self.assertEqual((said["streams"], said["open"], said["returned"], said["broken"]), (20, 20, 20, 20))


if __name__ == "__main__":
    unittest.main(verbosity=2)
