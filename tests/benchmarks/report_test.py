#!/usr/bin/env python3
"""From samples to tables and the exit code, and from templates to configurations."""

import contextlib
import io
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import xml.dom.minidom
from pathlib import Path
from types import SimpleNamespace

BENCHMARKS = Path(__file__).resolve().parent.parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import bench  # noqa: E402
import machine  # noqa: E402
import plots  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
from peers import PEERS, Setting, render  # noqa: E402
from scenarios import (FLOOR, GOALS, OURS, SCENARIOS, Goal, Metric, Run, Scenario, in_all, per,  # noqa: E402
                       pss_bend, pss_slope)

CPU = Metric("cpu", "CPU, µs", lambda said: said["cpu"])
RUNS = tuple(Run(name, name) for name in (FLOOR, OURS, "nginx", "caddy"))
SCENE = Scenario("scene", "Scene", (), (), RUNS, (CPU,))
VALUES = {"PORT": 1, "ORIGIN": 2, "SPARE": 3, "WORKERS": 1, "FOLDER": "/f", "CERTIFICATE": "/c", "KEY": "/k",
          "PEM": "/p"}


def results(**samples):
    made = report.Results()
    for label, taken in samples.items():
        run = Run(label.replace("_", "-"), label.replace("_", "-"))
        for made.round, sample in enumerate(taken):
            made.add(SCENE, run, sample if isinstance(sample, dict) else {"cpu": sample})
    return made


def judged(made, goal):
    return report.judge(made, {"scene": SCENE}, [goal])[2:]


class Samples(unittest.TestCase):
    def test_the_median_counts(self):
        self.assertEqual(results(nginx=[1, 100, 3]).median("scene", "nginx", CPU), 3)

    def test_of_a_round_the_mean(self):
        made = report.Results()
        for made.round, cpu in ((0, 1), (0, 3), (0, 11), (1, 6), (2, 100)):
            made.add(SCENE, Run("nginx", "nginx"), {"cpu": cpu})
        self.assertEqual(made.values("scene", "nginx", CPU), [5, 6, 100])
        self.assertEqual(made.median("scene", "nginx", CPU), 6)
        latency = Metric("cpu", "p50", lambda said: said["cpu"], middle=statistics.median)
        self.assertEqual(made.values("scene", "nginx", latency), [3, 6, 100])

    def test_a_disturbed_sample_does_not(self):
        made = results(nginx=[1, {"cpu": 100, "disturbed": True}, 3])
        self.assertEqual(made.median("scene", "nginx", CPU), 2)
        self.assertFalse(made.is_disturbed("scene", "nginx"))

    def test_unless_there_is_no_other_and_then_it_is_marked(self):
        made = results(nginx=[{"cpu": 100, "disturbed": True}])
        self.assertEqual(made.median("scene", "nginx", CPU), 100)
        self.assertIn("100.00 †", "\n".join(report.scenario_table(made, SCENE)))

    def of_storm(self, **costs):
        """Samples of rows that are compared; those with a minus were disturbed."""
        made, storm = report.Results(), next(one for one in SCENARIOS if one.name == "storm")
        for label, taken in costs.items():
            run = Run(label.replace("_", "-"), label.replace("_", "-"))
            for cost in taken:
                made.add(storm, run, {"cpu": abs(cost), "disturbed": cost < 0})
        return [(made.median("storm", label, CPU), made.is_disturbed("storm", label))
                for label in (OURS, "haproxy", "nginx")]

    def test_of_compared_rows_the_passes_count_in_which_none_was_disturbed(self):
        self.assertEqual(self.of_storm(sse_sidecar=[1, 2, -60, 4], haproxy=[5, -60, 7, 9], nginx=[-1]),
                         [(2.5, False), (7, False), (1, True)])

    def test_all_passes_where_these_are_too_few(self):
        self.assertEqual(self.of_storm(sse_sidecar=[1, 2, -3, 4, 5], haproxy=[5, -6, 7, -8, -9], nginx=[1, -7]),
                         [(3, True), (7, True), (1, False)])

    def test_ratios_are_to_the_best_peer_and_to_the_relay(self):
        rows = report.scenario_table(results(relay=[2], sse_sidecar=[3], nginx=[4], caddy=[6]), SCENE)
        self.assertIn(f"| **{OURS}** | 3.00 | 0.75 | 1.50 |", rows)
        self.assertIn("| caddy | 6.00 | 1.50 | 3.00 |", rows)


class Summary(unittest.TestCase):
    def written(self, made, times=1):
        with tempfile.TemporaryDirectory() as name:
            root, folder = Path(name), Path(name) / "out"
            (root / "benchmarks").mkdir()
            (folder / "results").mkdir(parents=True)
            (folder / "RESULTS.md").write_text("tables")
            (root / "README.md").write_text(f"before\n{report.BEGIN}old\n{report.END}behind\n")
            for _ in range(times):
                report.install(made, SCENARIOS, folder, root)
            self.assertEqual((root / "benchmarks/RESULTS.md").read_text(), "tables")
            return (root / "README.md").read_text()

    def test_what_readme_says_stands_between_its_marks(self):
        made = report.Results()
        made.machine = {"date": "2026-11-21", "processor": "a processor"}
        scenario = next(one for one in SCENARIOS if one.name == "requests")
        for label, cpu in ((OURS, 20), ("nginx", 30), ("nghttpx", 40), ("h2o", 25)):
            made.add(scenario, Run(label, label), {"proxy_cpu_us": cpu, "requests": 1})
        incident = next(one for one in SCENARIOS if one.name == "incident")
        made.add(incident, Run(OURS, OURS), {"open": 7, "attempts": 7, "connect_mean_us": 1000, "gap_p99_us": 1e6,
                                             "interval": 1})
        text = self.written(made)
        self.assertTrue(text.startswith(f"before\n{report.BEGIN}2026-11-21, a processor. Medians of 1 round;"))
        self.assertTrue(text.endswith(f"{report.END}behind\n"))
        self.assertNotIn("old", text)
        self.assertIn("| CPU per ordinary request, µs | 20.0 | 30.0 |  |  |  | 25.0 (h2o) |", text)
        self.assertIn("| connections that succeed | > 99 % | 100 % |", text)
        self.assertEqual(self.written(made, times=2), text)

    def test_readme_has_both_marks_once(self):
        readme = (BENCHMARKS.parent / "README.md").read_text()
        self.assertEqual((readme.count(report.BEGIN), readme.count(report.END)), (1, 1))

    def test_it_names_scenarios_and_figures_that_exist(self):
        keys = {(one.name, metric.key) for one in SCENARIOS for metric in one.metrics}
        self.assertLessEqual({(row[1], row[2]) for row in report.SUMMARY}, keys)
        self.assertLessEqual({(row[2], row[3]) for row in report.INCIDENT}, keys)


class Options(unittest.TestCase):
    def test_only_a_whole_run_is_written(self):
        self.assertTrue(bench.parse(["--write", "--rounds", "3"]).write)
        for part in (["--quick"], ["--only", "storm"], ["--peers", "nginx"]):
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as refused:
                bench.parse(["--write", *part])
            self.assertEqual(refused.exception.code, 2)

    def test_a_quick_run_does_not_replace_a_whole_one(self):
        self.assertNotEqual(bench.parse(["--quick"]).out, bench.parse([]).out)


class Sound(unittest.TestCase):
    def test_what_another_could_not_do_does_not_spoil_a_run(self):
        made = results(sse_sidecar=[3], pushpin=[4])
        self.assertTrue(report.is_sound(made, (OURS, FLOOR)))
        made.fail(SCENE, Run("pushpin, to 2,000", "pushpin"), "only 469 streams could be opened")
        self.assertTrue(report.is_sound(made, (OURS, FLOOR)))

    def test_what_ours_lost_or_could_not_do_does(self):
        lost, failed, cut = results(sse_sidecar=[3]), results(sse_sidecar=[3]), results(sse_sidecar=[3])
        lost.add(SCENE, Run(OURS, OURS), {"cpu": 3, "missing": 1})
        failed.fail(SCENE, Run(f"{OURS}, 2 workers", OURS), "gone")
        cut.interrupted = True
        for made in (lost, failed, cut):
            self.assertFalse(report.is_sound(made, (OURS, FLOOR)))


class Turns(unittest.TestCase):
    def test_the_order_moves_on_and_close_rows_come_again(self):
        requests = next(one for one in SCENARIOS if one.name == "requests")
        first, second = (bench.in_turn(requests, list(requests.runs), number, bench.parse([])) for number in (0, 1))
        self.assertEqual(first[0].label, requests.runs[0].label)
        self.assertEqual(second[0].label, requests.runs[1].label)
        self.assertNotEqual({run.label for run in first[-4:]}, {OURS, "nginx"}, "spread over the round")
        self.assertEqual([run.label for run in first].count(OURS), requests.passes)
        self.assertEqual([run.label for run in second].count("nginx"), requests.passes)
        self.assertIn("nginx, access log", [run.label for run in first])
        self.assertNotIn("nginx, access log", [run.label for run in second])
        quick = bench.in_turn(requests, list(requests.runs), 0, bench.parse(["--quick"]))
        self.assertEqual(len(quick), len(requests.runs))

    def test_what_does_not_vary_is_measured_in_the_first_round(self):
        idle = next(one for one in SCENARIOS if one.name == "idle")
        self.assertEqual(len(bench.in_turn(idle, list(idle.runs), 0, bench.parse([]))), len(idle.runs))
        self.assertEqual(bench.in_turn(idle, list(idle.runs), 1, bench.parse([])), [])
        self.assertEqual(len(bench.in_turn(idle, list(idle.runs), 1, bench.parse(["--rounds", "2"]))), len(idle.runs))

    def test_what_a_goal_takes_as_steady_is_not_close(self):
        self.assertEqual(bench.compared("rate"), {OURS, "nginx", "haproxy"})
        self.assertEqual(bench.compared("idle"), set())

    def test_a_row_that_growth_is_counted_from_is_close_too(self):
        self.assertLessEqual({f"{OURS}, 100 streams", f"{OURS}, 9000 streams", "nginx, 100 streams"},
                             bench.compared("growth"))


class FarOff(unittest.TestCase):
    """Whose further samples a round does without."""
    BURST = next(one for one in SCENARIOS if one.name == "burst")

    def far(self, costs, label, round_=0):
        made = report.Results()
        for name, cost in costs.items():
            made.add(self.BURST, Run(name, name), {"megabytes": 1, "proxy_cpu_us": cost})
        made.round = round_
        return bench.is_far_off(made, self.BURST, label)

    def test_who_is_far_behind_the_best(self):
        costs = {OURS: 3000, "nginx": 1100, "haproxy": 1000, "caddy": 1600}
        self.assertEqual([self.far(costs, name) for name in costs], [False, False, False, True])

    def test_only_behind_a_sample_of_its_own_in_this_round(self):
        self.assertFalse(self.far({"haproxy": 1000}, "caddy"))
        self.assertFalse(self.far({"haproxy": 1000, "caddy": 1600}, "caddy", 1))


class Parts(unittest.TestCase):
    def test_what_the_load_generator_says_of_the_cheap_parts_counts(self):
        self.assertEqual(per("events")({"proxy_cpu_us": 10, "events": 2, "cpu_quartile_us": 4}), 4)
        self.assertEqual(per("events")({"proxy_cpu_us": 10, "events": 2}), 5)
        self.assertEqual(in_all("events")({"proxy_cpu_us": 10, "events": 2, "cpu_quartile_us": 4}), 5)

    def test_with_them_others_may_have_worked_for_longer(self):
        self.assertTrue(bench.disturbed({"foreign": 0.05}))
        self.assertFalse(bench.disturbed({"foreign": 0.05, "cpu_quartile_us": 4}))
        self.assertTrue(bench.disturbed({"foreign": 0.05, "cpu_quartile_us": 0}))
        self.assertTrue(bench.disturbed({"foreign": 0.2, "cpu_quartile_us": 4}))


class Attempts(unittest.TestCase):
    """How often a sample is taken; `foreign` is what others used during one after the other."""

    def taken(self, foreign, name="x", label="x", passes=4):
        left, scene = list(foreign), SimpleNamespace(counts=False, name=name, passes=passes)
        fake = SimpleNamespace(options=bench.parse([]), in_vain=0, sample=lambda *_: {"foreign": left.pop(0)})
        attempts = []
        with contextlib.redirect_stderr(io.StringIO()):
            while left:
                before = len(left)
                bench.take(fake, scene, SimpleNamespace(label=label))
                attempts.append(before - len(left))
        return attempts

    def test_a_disturbed_one_is_taken_again(self):
        self.assertEqual(self.taken([0, 0.5, 0, 0.5, 0.5]), [1, 2, 2])

    def test_not_where_that_was_in_vain(self):
        self.assertEqual(self.taken([0.5] * 6 + [0.5, 0.5, 0, 0.5, 0]), [2, 2, 2, 1, 1, 1, 2])


class MakingUp(unittest.TestCase):
    """Which samples are taken of the storm when `foreign(sample's number, label)` is what others used meanwhile."""
    PLANNED = next(one.passes for one in SCENARIOS if one.name == "storm")

    def samples(self, foreign, *arguments):
        made, number = report.Results(), itertools.count()

        def sample(_, run):
            return {"streams": 1, "proxy_cpu_us": 1, "foreign": foreign(next(number), run.label)}

        options = bench.parse(["--only", "storm", *arguments])
        with contextlib.redirect_stderr(io.StringIO()), unittest.mock.patch.object(bench, "AGAIN", 0.2):
            bench.measure(SimpleNamespace(options=options, in_vain=0, sample=sample), made)
        return made.samples["storm"]

    def test_nothing_where_nobody_disturbs(self):
        self.assertEqual(len(self.samples(lambda *_: 0, "--rounds", "1")[OURS]), self.PLANNED)

    def test_passes_until_half_of_what_was_planned_is_clean(self):
        samples = self.samples(lambda number, _: number < 200, "--rounds", "1")
        clean = [said["disturbed"] for said in samples[OURS]].count(False)
        self.assertEqual(clean, self.PLANNED // 2)
        self.assertEqual(len(samples[OURS]), len(samples["haproxy"]))
        self.assertEqual(len(samples["caddy"]), 1)

    def test_in_every_round(self):
        samples = self.samples(lambda number, _: number < 200, "--rounds", "2")
        of_rounds = [[said["round"] for said in samples[OURS]].count(number) for number in (0, 1)]
        self.assertGreater(of_rounds[0], self.PLANNED)
        self.assertEqual(of_rounds[1], self.PLANNED)

    def test_not_for_ever(self):
        self.assertGreater(len(self.samples(lambda *_: 1, "--rounds", "1")[OURS]), self.PLANNED)

    def test_only_for_rows_that_are_compared(self):
        samples = self.samples(lambda _, label: label == "nginx", "--rounds", "1")
        self.assertEqual(len(samples[OURS]), self.PLANNED)

    def test_not_when_it_is_to_be_quick(self):
        self.assertEqual(len(self.samples(lambda *_: 1, "--quick")[OURS]), 1)


class Goals(unittest.TestCase):
    def test_against_the_best_of_the_peers(self):
        made = results(sse_sidecar=[3], nginx=[4], caddy=[6])
        self.assertEqual(judged(made, Goal("g", "scene", "cpu", ("nginx", "caddy"), 0.8, 0.7)),
                         ["| g | 3.00 | 4.00 (nginx) | 0.75 | ≤ 0.8 | yes | 0.7: no |"])

    def test_against_a_figure(self):
        made = results(sse_sidecar=[3])
        self.assertIn("| **no** |", judged(made, Goal("g", "scene", "cpu", (), 2.9))[0])
        self.assertIn("| yes |", judged(made, Goal("g", "scene", "cpu", (), 3))[0])
        self.assertIn("≥ 3 | yes", judged(made, Goal("g", "scene", "cpu", (), 3, more=True))[0])
        self.assertIn("≥ 4 | **no**", judged(made, Goal("g", "scene", "cpu", (), 4, more=True))[0])

    def test_a_goal_without_limits_is_a_figure(self):
        goal = Goal("g", "scene", "cpu", ("nginx",), float("inf"), float("inf"))
        made = results(sse_sidecar=[3], nginx=[2])
        self.assertEqual(judged(made, goal), ["| g | 3.00 | 2.00 (nginx) | 1.50 |  | yes |  |"])

    def test_growth_is_from_row_to_row(self):
        made = report.Results()
        for label, cpu in ((f"{OURS}, few", 2), (f"{OURS}, many", 3), ("nginx, few", 2), ("nginx, many", 4)):
            made.add(SCENE, Run(label, label.split(",")[0]), {"cpu": cpu})
        goal = Goal("g", "scene", "cpu", ("nginx, many",), ours=f"{OURS}, many", base=", few")
        self.assertEqual(judged(made, goal), ["| g | 1.50 | 2.00 (nginx, many) | 0.75 | ≤ 1 | yes | 1: yes |"])

    def test_what_shrinks_has_not_grown(self):
        made = report.Results()
        for label, cpu in ((f"{OURS}, few", 4), (f"{OURS}, many", 3), ("nginx, few", 4), ("nginx, many", 2)):
            made.add(SCENE, Run(label, label.split(",")[0]), {"cpu": cpu})
        goal = Goal("g", "scene", "cpu", ("nginx, many",), ours=f"{OURS}, many", base=", few")
        self.assertEqual(judged(made, goal), ["| g | 1.00 | 1.00 (nginx, many) | 1.00 | ≤ 1 | yes | 1: yes |"])

    def test_every_goal_names_rows_and_figures_that_exist(self):
        scenarios = {scenario.name: scenario for scenario in SCENARIOS}
        for goal in GOALS:
            with self.subTest(goal.title):
                scenario = scenarios[goal.scenario]
                labels = {run.label for run in scenario.runs}
                self.assertIn(goal.metric, {metric.key for metric in scenario.metrics})
                self.assertIn(goal.ours, labels)
                self.assertTrue(set(goal.peers) & labels or not goal.peers)


class Verdict(unittest.TestCase):
    def verdict(self, made):
        with contextlib.redirect_stdout(io.StringIO()):
            return report.verdict(made, (OURS, FLOOR))

    def test_times_decide_nothing(self):
        self.assertEqual(self.verdict(results(sse_sidecar=[1000], nginx=[1])), 0)

    def test_a_loss_of_ours_or_of_the_relay_does(self):
        for label in ("sse_sidecar", "relay"):
            for what in report.LOSSES:
                self.assertEqual(self.verdict(results(**{label: [{"cpu": 1, what: 1}]})), 1)
        self.assertEqual(self.verdict(results(nginx=[{"cpu": 1, "missing": 1}])), 0)

    def test_what_could_not_be_run_does(self):
        made = results()
        with contextlib.redirect_stdout(io.StringIO()):
            made.fail(SCENE, Run("nginx", "nginx"), "why")
        self.assertEqual(self.verdict(made), 1)

    def test_a_loss_stands_in_the_report(self):
        made = results(nginx=[{"cpu": 1, "missing": 3}])
        self.assertEqual(report.loss_lines(made), ["- scene, nginx: 3 missing"])
        text = report.markdown(made, [SCENE], [], SimpleNamespace(quick=True))
        self.assertIn("- scene, nginx: 3 missing", text)


class Figures(unittest.TestCase):
    SAID = {"pss_empty_kib": 10, "pss_1000_kib": 1000, "pss_5000_kib": 9000, "pss_9000_kib": 17400}

    def test_slope_and_bend(self):
        self.assertEqual(pss_slope(self.SAID), 16400 / 8000)
        self.assertAlmostEqual(pss_bend(self.SAID), 5.0)


class Templates(unittest.TestCase):
    def test_lines_for_a_setting(self):
        text = "a\n  [log] b @PORT@\n[tls many] c\n[::1] d\n"
        self.assertEqual(render(text, Setting(), VALUES), "a\n[::1] d\n")
        self.assertEqual(render(text, Setting(log=True), VALUES), "a\n  b 1\n[::1] d\n")
        self.assertEqual(render(text, Setting(tls=True, workers=2), VALUES), "a\nc\n[::1] d\n")

    def test_nothing_is_left_of_any_template(self):
        for peer in PEERS.values():
            for template in peer.templates.values():
                for setting in (Setting(), Setting(log=True), Setting(tls=True), Setting(workers=2)):
                    text = render((BENCHMARKS / "peers" / template).read_text(), setting, VALUES)
                    self.assertNotRegex(text, r"@[A-Z]+@|\[(log|quiet|tls|plain|one|many)\]", template)


class Counting(unittest.TestCase):
    def test_what_perf_and_strace_say(self):
        perf = "# started on Sat Nov 21\n\n1234,,raw_syscalls:sys_enter,5,100.00,,\n"
        self.assertEqual(machine.calls_in("perf", perf), 1234)
        strace = ("% time     seconds  usecs/call     calls    errors syscall\n"
                  " 60.00    0.100000           3       700           write\n"
                  "100.00    0.171000           1      1234        56 total\n")
        self.assertEqual(machine.calls_in("strace", strace), 1234)
        self.assertIsNone(machine.calls_in("perf", "<not counted>,,raw_syscalls:sys_enter\n"))


class Processes(unittest.TestCase):
    def test_one_that_has_ended_is_no_error(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        self.assertIsNone(processes.processor_time(ended.pid))
        self.assertEqual(processes.descendants(ended.pid), [ended.pid])
        self.assertEqual(len(processes.processor_time(os.getpid())), 2)


class Plots(unittest.TestCase):
    def test_is_xml(self):
        xml.dom.minidom.parseString(plots.bars("a < b", [("x & y", [1.0, 2.0]), (OURS, [0.0])], "{:.1f}"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
