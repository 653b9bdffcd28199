#!/usr/bin/env python3
"""./dev bench: sse-sidecar beside other proxies, all in one run. See README.md."""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import profiles
import report
from peers import PEERS, Running, version
from processes import BOTH, LOAD_CPU, PROXY_CPU, Failed, clean_environment, free_port
from scenarios import FLOOR, GOALS, OURS, SCENARIOS, compared

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = 0.03     # of one processor: more than this was used by others, and the sample counts for nothing
FOREIGN_IN_PARTS = 0.1
ATTEMPTS = 2       # to take a sample that nobody disturbs; one when that was in vain for the last few
IN_VAIN = 3
AGAIN = 300        # seconds at the end of a round for passes that somebody disturbed
FAR = 1.5          # times the best of those that ours is held against: whoever is behind it will not be the best
PATIENCE = 300     # seconds for one sample
QUICK_ALL = ("idle", "fanout", "requests")   # --quick plays the rest with these only:
QUICK_PEERS = (FLOOR, OURS, "nginx", "haproxy")
QUICK_STREAMS = {"100": 50, "1000": 150, "9000": 300}   # growth, when it has to be quick


class Bench:
    """The folder, binaries and certificate of one run, and how a sample is taken."""

    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="sse-sidecar-bench."))
        self.driver = options.build / "benchmarks/bench_driver"
        ours = f"{options.ours}:{options.build}/benchmarks"
        os.environ["PATH"] = f"{ours}:{os.environ.get('PATH', '')}"
        import processes
        processes.SEARCH = f"{ours}:{processes.SEARCH}"
        import peers
        peers.SEARCH = processes.SEARCH
        self.certificate, self.key, self.pem = machine.make_certificate(self.folder)
        self.count = 0
        self.in_vain = 0   # samples in a row of which every attempt was disturbed
        said = subprocess.run([PEERS[OURS].find(), "--help"], capture_output=True, text=True, check=True).stdout
        self._ours_has_tls = "--tls-listen" in said

    def has_tls(self, peer):
        return peer.tls and (peer.name != OURS or self._ours_has_tls)

    def new_folder(self, name):
        self.count += 1
        folder = self.folder / f"{self.count}-{name}"
        folder.mkdir()
        return folder

    def close(self):
        if self.options.keep:
            print(f"bench: logs are in {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def sample(self, scenario, run):
        """What the load generator says of one run, as a dictionary."""
        peer = PEERS[run.peer]
        proxy = Running(peer, run.setting, self, free_port(), PROXY_CPU if run.pinned else BOTH)
        try:
            return self._play(scenario, run, proxy)
        finally:
            proxy.stop()
            if not self.options.keep:
                shutil.rmtree(proxy.folder, ignore_errors=True)

    def _arguments(self, scenario, run):
        words = list(scenario.quick if self.options.quick else scenario.full)
        more = list(run.arguments)
        if self.options.quick and scenario.name == "growth":
            streams = QUICK_STREAMS[more[1]]
            more = ["--streams", streams, "--rate", 1000 / streams]
        if more and not more[0].startswith("--"):
            words[0] = more.pop(0)
        return ["--scenario", *words, *more]

    def _play(self, scenario, run, proxy):
        held = bool(scenario.counts) or scenario.skew or self.options.profile
        argv = [self.driver, "--proxy", proxy.port, "--origin", proxy.origin_port, "--pids",
                ",".join(map(str, proxy.pids)), *self._arguments(scenario, run), *(["--hold"] if held else [])]
        cpus = LOAD_CPU if run.pinned else BOTH
        driver = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True, env=clean_environment(),
                                  preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        watch = Watch(scenario, proxy, self.options.profile)
        began = time.monotonic()
        try:
            for line in driver.stdout:
                said = json.loads(line)
                if "at" not in said:
                    break
                if time.monotonic() - began > PATIENCE:
                    raise Failed("took too long")
                driver.stdin.write(watch.answer(said["at"]) + "\n")
                driver.stdin.flush()
            else:
                raise Failed(f"the load generator ended with {driver.wait()}")
        finally:
            driver.kill()
            driver.wait()
            watch.close()
        if "error" in said:
            raise Failed(f"{said['error']}; {proxy.program.said()}")
        return {**said, **watch.figures}


class Watch:
    """What is looked at from outside while a sample is taken."""

    def __init__(self, scenario, proxy, profile):
        self.scenario, self.proxy, self.figures = scenario, proxy, {}
        # One of them: the other would be in what it sees.
        self._kind = "profile" if profile else "calls" if scenario.counts else None
        self._tool = None

    def answer(self, at):
        if at == "restart":
            self.proxy.stop(patience=30)
            self.proxy.start()
            return " ".join(map(str, self.proxy.pids))
        if at == "begin" and self._kind:
            attach = {"profile": profiles.Recording, "calls": machine.CallCount}[self._kind]
            self._tool = attach(self.proxy.pids, self.proxy.folder)
        if at == "end" and self._kind:
            tool, self._tool = self._tool, None
            self.figures[self._kind] = tool.end()
        if at == "end" and self.scenario.skew:
            self.figures["skew"] = machine.skew(self.proxy.pids)
        return ""

    def close(self):
        if self._tool:
            self._tool.stop()


def disturbed(said):
    """Where the dearer parts of a sample do not count, somebody may have worked meanwhile for longer."""
    return said.get("foreign", 0) > (FOREIGN_IN_PARTS if said.get("cpu_quartile_us") else FOREIGN)


def take(bench, scenario, run):
    """A sample, if possible an undisturbed one."""
    attempts = 1 if bench.options.quick or bench.in_vain >= IN_VAIN else ATTEMPTS
    for attempt in range(attempts):
        said = bench.sample(scenario, run)
        said["disturbed"] = disturbed(said) and not scenario.counts   # a count stays what it is
        if not said["disturbed"]:
            break
        if attempt + 1 < attempts:
            print(f"bench:   {run.label}: disturbed ({said['foreign']:.2f}), again", file=sys.stderr)
    bench.in_vain = bench.in_vain + 1 if said["disturbed"] else 0
    return said


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--quick", action="store_true",
                        help="small and short: shows that everything runs; its times say nothing")
    parser.add_argument("--only", action="append", metavar="SCENARIO", choices=names,
                        help="only this one (repeatable): " + " ".join(names))
    parser.add_argument("--peers", metavar="LIST", help="only these, with commas: " + ",".join(PEERS))
    parser.add_argument("--rounds", type=int, metavar="N", help="how often everything is measured (2; quick: 1)")
    parser.add_argument("--write", action="store_true",
                        help="writes RESULTS.md, its plots, and README's part of it, unless ours or the relay failed")
    parser.add_argument("--out", type=Path, metavar="FOLDER",
                        help="where samples, tables and plots go (build/bench; quick: build/bench-quick)")
    parser.add_argument("--profile", action="store_true",
                        help="shows where the time of each goes (perf), one sample each, ours alone unless --peers is "
                             "given; measures nothing")
    parser.add_argument("--keep", action="store_true", help="keeps the configurations and logs of every sample")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", help=argparse.SUPPRESS)
    parser.add_argument("--ours", type=Path, default=ROOT / "build/trained", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    options.all_rounds = options.rounds is not None   # also of what does not vary
    options.rounds = options.rounds or (1 if options.quick else 2)
    options.build, options.ours = options.build.resolve(), options.ours.resolve()
    options.out = options.out or ROOT / ("build/bench-quick" if options.quick else "build/bench")
    if options.profile and not options.peers:
        options.peers = OURS
    if options.write and (options.quick or options.only or options.peers):
        parser.error("--write is for a whole run")
    unknown = set((options.peers or "").split(",")) - set(PEERS) - {""}
    if unknown:
        parser.error(f"no such peer: {' '.join(sorted(unknown))}")
    return options


def chosen(options):
    """Scenarios with the runs that are wanted."""
    names = options.peers.split(",") if options.peers else list(PEERS)
    for scenario in SCENARIOS:
        runs = [run for run in scenario.runs if run.peer in names]
        if options.quick and not options.peers and scenario.name not in QUICK_ALL:
            runs = [run for run in runs if run.peer in QUICK_PEERS and not run.label.endswith(" 1000 streams")]
        if runs and (not options.only or scenario.name in options.only):
            yield scenario, runs


def turned(runs, number):
    turn = number % len(runs) if runs else 0
    return runs[turn:] + runs[:turn]


def close(scenario, runs):
    """Those that a goal compares."""
    return [run for run in runs if run.label in compared(scenario.name)]


def of_round(scenario, runs, number, options):
    """What does not vary is measured in the first round only."""
    return [run for run in runs if number == 0 or options.all_rounds or not (scenario.once or run.once)]


def in_turn(scenario, runs, number, options):
    """The runs of one round in their order; those that a goal compares come more than once, spread over the round."""
    ordered = of_round(scenario, turned(runs, number), number, options)
    passes = 1 if options.quick else scenario.passes
    more = [run for number in range(1, passes) for run in turned(close(scenario, ordered), number)]
    for i, run in reversed(list(enumerate(more))):
        ordered.insert((i + 1) * len(ordered) // (len(more) + 1), run)
    return ordered


def is_far_off(results, scenario, label):
    """More samples of it in this round would change no goal: that it is not the best is seen."""
    if not any(said["round"] == results.round for said in results.samples[scenario.name][label]):
        return False
    goals = [goal for goal in GOALS if goal.scenario == scenario.name and label in goal.peers and not goal.steady]
    if not goals or any(goal.base for goal in goals):
        return False
    for goal in goals:
        figures = {peer: report.figure(results, {scenario.name: scenario}, goal, peer) for peer in goal.peers}
        measured = [value for value in figures.values() if value is not None]
        if figures[label] is None or figures[label] <= FAR * min(measured):
            return False
    return True


def measure(bench, results):
    """All scenarios, all rounds; the order within a scenario turns from round to round."""
    for number in range(bench.options.rounds):
        results.round = number
        for scenario, runs in chosen(bench.options):
            measure_one(bench, results, scenario, in_turn(scenario, runs, number, bench.options))
        if not bench.options.quick:
            make_up(bench, results)


def measure_one(bench, results, scenario, runs):
    if runs:
        clock = time.strftime("%H:%M:%S")
        print(f"bench: {clock}, round {results.round + 1}, {scenario.name}", file=sys.stderr, flush=True)
    for run in runs:
        if is_far_off(results, scenario, run.label):
            continue
        if run.setting.tls and not bench.has_tls(PEERS[run.peer]):
            results.skip(scenario, run, "has no TLS listener yet")
            continue
        try:
            results.add(scenario, run, take(bench, scenario, run))
        except Failed as failure:
            results.fail(scenario, run, str(failure))


def is_poor(results, scenario):
    """Of the passes that were planned for this round, more than half were disturbed."""
    disturbed = [one for (number, _), one in results.passes(scenario.name).items() if number == results.round]
    return bool(disturbed) and 2 * disturbed.count(False) < scenario.passes


def make_up(bench, results):
    """Who shares the machine disturbs it for minutes: one more pass of each poor scenario in turn, until none
    is left or the time is over."""
    end = time.monotonic() + AGAIN
    turn = 0
    while poor := [(scenario, runs) for scenario, runs in chosen(bench.options) if is_poor(results, scenario)]:
        for scenario, runs in poor:
            if time.monotonic() > end:
                return
            again = close(scenario, of_round(scenario, runs, results.round, bench.options))
            measure_one(bench, results, scenario, turned(again, turn))
        turn += 1


def profile(bench):
    """Prints where the time goes, one sample of each run; the exit code."""
    status = 0
    for scenario, runs in chosen(bench.options):
        for run in runs:
            try:
                said = bench.sample(scenario, run)
            except Failed as failure:
                status, text = 1, f"Could not be sampled: {failure}"
            else:
                text = profiles.table(said["profile"]) if "profile" in said else "No part of it is measured alone."
            print(f"## {scenario.title}: {run.label}\n\n{text}\n", flush=True)
    return status


def main(argv):
    options = parse(argv)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bench = Bench(options)
    if options.profile:
        with contextlib.closing(bench):
            return profile(bench)
    results = report.Results()
    results.rounds = options.rounds
    try:
        results.machine = machine.describe(ROOT)
        results.versions = {name: version(peer) for name, peer in PEERS.items() if peer.find()}
        measure(bench, results)
    except KeyboardInterrupt:
        print("bench: interrupted; this is what there is", file=sys.stderr)
        results.interrupted = True
    finally:   # what an error of the bench itself leaves is kept too
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "samples.json").write_text(json.dumps(results.samples, indent=1))
        bench.close()
    text = report.markdown(results, [scenario for scenario, _ in chosen(options)], GOALS, options)
    report.write_plots(results, [scenario for scenario, _ in chosen(options)], options.out)
    (options.out / "RESULTS.md").write_text(text)
    print(text)
    status = 130 if results.interrupted else report.verdict(results, (OURS, FLOOR))
    if options.write and report.is_sound(results, (OURS, FLOOR)):
        report.install(results, [scenario for scenario, _ in chosen(options)], options.out, ROOT)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
