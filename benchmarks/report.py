"""Samples to medians, tables, plots and a verdict."""

import shutil
import statistics
import sys
from collections import defaultdict

from peers import PEERS
from plots import bars
from scenarios import FLOOR, OURS, SCENARIOS, compared

LOSSES = ("missing", "repeated", "cut", "refused")


class Results:
    """All samples of a run."""

    def __init__(self):
        self.samples = defaultdict(lambda: defaultdict(list))   # scenario, label
        self.failures = []       # (scenario, label, why)
        self.skipped = {}        # (scenario, label): why
        self.machine, self.versions = {}, {}
        self.rounds = 1
        self.round = 0           # the one that samples are taken in
        self.interrupted = False

    def add(self, scenario, run, said):
        taken = self.samples[scenario.name][run.label]
        before = sum(one["round"] == self.round for one in taken)
        taken.append({**said, "round": self.round, "pass": before})

    def fail(self, scenario, run, why):
        print(f"bench: {scenario.name}, {run.label}: FAILED: {why}", file=sys.stderr, flush=True)
        last = why.strip().splitlines()[-1]   # programs say at the end what it was
        self.failures.append((scenario.name, run.label, last))

    def skip(self, scenario, run, why):
        self.skipped[scenario.name, run.label] = why

    def counted(self, scenario, label):
        """The samples that nobody disturbed; all, when there is no such sample. Moments are dear or cheap for all
        alike: so of rows that goals compare the same passes count."""
        taken = self.samples[scenario][label]
        clean = self.clean_passes(scenario) if label in compared(scenario) else None
        chosen = [said for said in taken
                  if (not said.get("disturbed") if clean is None else (said["round"], said["pass"]) in clean)]
        return chosen or taken

    def passes(self, scenario):
        """Whether somebody disturbed a row that is compared, for each (round, pass)."""
        found = defaultdict(bool)
        for label in compared(scenario):
            for said in self.samples[scenario][label]:
                found[said["round"], said["pass"]] |= bool(said.get("disturbed"))
        return found

    def clean_passes(self, scenario):
        """In which nobody disturbed any of the rows that are compared; all, when these are less than a quarter of what
        was planned."""
        passes = self.passes(scenario)
        planned = next(one.passes for one in SCENARIOS if one.name == scenario) * self.rounds
        clean = {one for one, disturbed in passes.items() if not disturbed}
        return clean if 4 * len(clean) >= min(planned, len(passes)) else set(passes)

    def is_disturbed(self, scenario, label):
        return any(said.get("disturbed") for said in self.counted(scenario, label))

    def values(self, scenario, label, metric):
        """One a round, from its samples. Of processor time it is their mean: they are as good as each other, and of few
        of them it says more than their median."""
        rounds = defaultdict(list)
        for said in self.counted(scenario, label):
            rounds[said["round"]].append(metric.value(said))
        return [metric.middle(taken) for taken in rounds.values()]

    def median(self, scenario, label, metric):
        values = self.values(scenario, label, metric)
        return statistics.median(values) if values else None

    def losses(self):
        """(scenario, label, what was lost) of every sample with a loss."""
        return [(scenario, label, {key: said[key] for key in LOSSES if said.get(key)})
                for scenario, labels in self.samples.items() for label, taken in labels.items()
                for said in taken if any(said.get(key) for key in LOSSES)]


def table(header, rows):
    rule = ["---"] + ["---:"] * (len(header) - 1)
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(rule) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def scenario_table(results, scenario):
    labels = [run.label for run in scenario.runs if results.samples[scenario.name][run.label]]
    compared = [metric for metric in scenario.metrics if metric.compare]
    header = ["", *(metric.title for metric in scenario.metrics)]
    if compared and len(labels) > 1:
        header += [f"{compared[0].title.split(',')[0]}, × best peer", "× relay"]
    rows = []
    for label in labels:
        row = [f"**{label}**" if label.startswith(OURS) else label]
        for metric in scenario.metrics:
            value = results.median(scenario.name, label, metric)
            row.append(metric.form.format(value) + (" †" if results.is_disturbed(scenario.name, label) else ""))
        if len(header) > len(row):
            row += ratios(results, scenario, compared[0], label, labels)
        rows.append(row)
    return table(header, rows)


def ratios(results, scenario, metric, label, labels):
    value = results.median(scenario.name, label, metric)
    peers = [results.median(scenario.name, one, metric) for one in labels if not one.startswith((OURS, FLOOR))]
    best = min(peers, default=None)
    floor = results.median(scenario.name, FLOOR, metric)
    return ["" if not reference else f"{value / reference:.2f}" for reference in (best, floor)]


def figure(results, scenarios, goal, label):
    """A median of one row, or how it has grown from the row at the goal's base; what has shrunk has not grown."""
    metric = next(one for one in scenarios[goal.scenario].metrics if one.key == goal.metric)
    value = results.median(goal.scenario, label, metric)
    if value is None or not goal.base:
        return value
    base = results.median(goal.scenario, label.split(",")[0] + goal.base, metric)
    return max(1.0, value / base) if base else None


def judge(results, scenarios, goals):
    """A row a goal: ours, the reference, the ratio, what must be and whether it is."""
    rows = []
    for goal in goals:
        if goal.scenario not in scenarios:
            continue
        ours = figure(results, scenarios, goal, goal.ours)
        if ours is None:
            why = results.skipped.get((goal.scenario, goal.ours), "not measured")
            rows.append([goal.title, why, "", "", "", "", ""])
            continue
        if goal.peers:
            peers = [(value, label) for label in goal.peers
                     if (value := figure(results, scenarios, goal, label)) is not None]
            if not peers:
                continue
            best, who = min(peers)
            reached, shown = ours / best if best else float("inf"), f"{best:.2f} ({who})"
        else:
            reached, shown = abs(ours), ""
        holds = (lambda limit: reached >= limit) if goal.more else (lambda limit: reached <= limit)
        must = "" if goal.must == float("inf") else f"{'≥' if goal.more else '≤'} {goal.must:g}"
        aim = "" if goal.aim == float("inf") else f"{goal.aim:g}: {'yes' if holds(goal.aim) else 'no'}"
        rows.append([goal.title, f"{ours:.2f}", shown, f"{reached:.2f}", must, "yes" if holds(goal.must) else "**no**",
                     aim])
    return table(["goal", "ours", "best of whom it is held against", "figure", "must", "holds", "aim"], rows)


def medians(results):
    rounds = f"{results.rounds} round{'s' if results.rounds > 1 else ''}"
    return (f"Medians of {'up to ' if results.interrupted else ''}{rounds}; what goals compare closely is in each the "
            f"mean, a latency the median, of up to {max(one.passes for one in SCENARIOS)} samples")


def markdown(results, scenarios, goals, options):
    by_name = {scenario.name: scenario for scenario in scenarios}
    command = "./dev bench --quick" if options.quick else "./dev bench"
    lines = ["# Results", "", f"Made by `{command}`; [README.md](README.md) says how.", ""]
    lines += table(["", ""], [[key, value] for key, value in results.machine.items()]) + [""]
    lines += table(["program", "version"], [[name, value] for name, value in results.versions.items()]) + [""]
    if options.quick:
        lines += ["**A quick run: it shows that everything runs. Its times say nothing.**", ""]
    if results.interrupted:
        lines += ["**Interrupted: this is what there was.**", ""]
    lines += [f"{medians(results)}. sse-sidecar is the program of the image, built with what runs of small ones of "
              "these scenarios executed, with its defaults, its log included; the others are Debian's, without logs "
              "unless the row says so. CPU of fan-out and requests: of the quarter of each sample that cost least. † "
              "other programs disturbed samples of this row, and there are too few others.", ""]
    lines += ["## Goals", ""] + judge(results, by_name, goals) + [""]
    for scenario in scenarios:
        lines += [f"## {scenario.title}", ""] + ([scenario.about, ""] if scenario.about else [])
        lines += scenario_table(results, scenario)
        not_there = [f"- {label}: {why}" for (name, label), why in results.skipped.items() if name == scenario.name]
        not_there += [f"- {label} FAILED: {why}" for name, label, why in results.failures if name == scenario.name]
        lines += ["", *not_there] + ([""] if not_there else [])
        if sum(bool(taken) for taken in results.samples[scenario.name].values()) > 1 and not options.quick:
            lines += [f"![{scenario.title}](results/{scenario.name}.svg)", ""]
    lines += ["## Events missing, repeated or cut, connections refused", ""] + loss_lines(results)
    return "\n".join(lines).rstrip() + "\n"


def loss_lines(results):
    taken = sum(len(one) for labels in results.samples.values() for one in labels.values())
    lost = results.losses()
    if not lost:
        return [f"None in {taken} samples."]
    return [f"- {scenario}, {label}: " + ", ".join(f"{count} {what}" for what, count in lost_here.items())
            for scenario, label, lost_here in lost]


def write_plots(results, scenarios, folder):
    target = folder / "results"
    target.mkdir(exist_ok=True)
    for scenario in scenarios:
        metric = scenario.metrics[0]
        rows = [(run.label, sorted(results.values(scenario.name, run.label, metric))) for run in scenario.runs
                if results.samples[scenario.name][run.label]]
        if len(rows) > 1:
            plot = bars(f"{scenario.title}: {metric.title}", rows, metric.form)
            (target / f"{scenario.name}.svg").write_text(plot)


# What README says: the row, the scenario and metric, how the figure is written.
SUMMARY = (
    ("memory of a silent stream, kB", "idle", "slope", "{:.1f}"),
    ("the process without any, MiB", "idle", "empty", "{:.1f}"),
    ("CPU per event, 200 busy streams, µs", "fanout", "cpu", "{:.1f}"),
    ("p50 at 1,000 streams × 10 events/s, µs", "rate", "p50", "{:.0f}"),
    ("CPU per ordinary request, µs", "requests", "cpu", "{:.1f}"),
    ("CPU per stream, 4,000 reconnecting at once, µs", "storm", "cpu", "{:.0f}"),
    ("CPU per MB of bursts, µs", "burst", "cpu", "{:.0f}"),
    ("CPU per event over TLS, µs", "tls-fanout", "cpu", "{:.1f}"),
)
SUMMARY_COLUMNS = (OURS, "nginx", "haproxy", "caddy", FLOOR)   # and the best of the others
INCIDENT = (
    ("connections that succeed", "> 99 %", "incident", "success", "{:g} %"),
    ("mean time to connect", "< 100 ms", "incident", "connect", "{:.1f} ms"),
    ("a heartbeat is late, p99 at 9,000 streams", "< 50 ms", "incident", "late99", "{:.1f} ms"),
    ("clients that come back after a restart under 5,000 streams", "> 95 %", "restart", "success", "{:g} %"),
)
BEGIN, END = "<!-- bench: written by ./dev bench --write -->\n", "<!-- bench: end -->\n"


def summary(results, scenarios):
    """The part of README that figures are in."""
    def shown(scenario, key, label, form):
        metric = next(one for one in scenarios[scenario].metrics if one.key == key)
        value = results.median(scenario, label, metric)
        mark = " †" if results.is_disturbed(scenario, label) else ""
        return "" if value is None else form.format(value) + mark

    def best_other(scenario, key, form):
        metric = next(one for one in scenarios[scenario].metrics if one.key == key)
        others = [(value, name) for name in PEERS if name not in SUMMARY_COLUMNS
                  if (value := results.median(scenario, name, metric)) is not None]
        return f"{form.format(min(others)[0])} ({min(others)[1]})" if others else ""

    rows = [[title, *(shown(scenario, key, label, form) for label in SUMMARY_COLUMNS), best_other(scenario, key, form)]
            for title, scenario, key, form in SUMMARY if scenario in scenarios]
    promised = [[title, promise, shown(scenario, key, OURS, form)]
                for title, promise, scenario, key, form in INCIDENT if scenario in scenarios]
    machine = results.machine
    conditions = (f"{machine['date']}, {machine['processor']}. {medians(results)}, one worker on one processor, "
                  "our log on, theirs off; ours is the trained program of the image, theirs are Debian's. All are "
                  "made ready for 9,950 streams. † disturbed by other programs.")
    incident = ["`ERR_HTTP2_PROTOCOL_ERROR` behind nginx", "promised", "measured"]
    return "\n".join([conditions, "", *table(["", *SUMMARY_COLUMNS, "best of the others"], rows), "",
                      *table(incident, promised), ""])


def install(results, scenarios, folder, root):
    """RESULTS.md, its plots, and README's part of it."""
    shutil.copy(folder / "RESULTS.md", root / "benchmarks/RESULTS.md")
    shutil.copytree(folder / "results", root / "benchmarks/results", dirs_exist_ok=True)
    readme = root / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    figures = summary(results, {one.name: one for one in scenarios})
    readme.write_text(before + BEGIN + figures + END + rest.split(END)[1])


def is_sound(results, trusted):
    """Every row of `trusted` is there, and nothing was lost in it. What another could not do stands in the tables."""
    bad = [label for _, label, _ in results.failures + results.losses() if label.split(",")[0] in trusted]
    return not bad and not results.interrupted


def verdict(results, trusted):
    """The exit code: everything ran, and nothing was lost in ours or in the relay. Times decide nothing."""
    status = 0
    for scenario, label, why in results.failures:
        print(f"bench: could not be run: {scenario}, {label}: {why}")
        status = 1
    for scenario, label, lost in results.losses():
        ours = label.split(",")[0] in trusted
        print(f"bench: {scenario}, {label}: {lost}" + ("" if ours else " (not ours)"))
        status = 1 if ours else status
    return status
