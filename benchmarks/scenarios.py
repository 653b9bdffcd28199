"""What is measured: how the load generator is called, with whom, and what its figures mean."""

import statistics
from dataclasses import dataclass
from typing import Callable

from peers import PEERS, Setting

OURS, FLOOR = "sse-sidecar", "relay"
SENDS_ONLY = "relay, with heartbeats of its own"
SLOW = ("pushpin",)   # plays where its speed does not decide how long that takes
EVENT_PEERS = tuple(name for name in PEERS if name not in SLOW)
HTTP_PEERS = (FLOOR, *(name for name in EVENT_PEERS if PEERS[name].http))
TLS_PEERS = tuple(name for name, peer in PEERS.items() if peer.tls)


@dataclass(frozen=True)
class Run:
    """One way to run a proxy in a scenario; the label is its row in the table."""
    label: str
    peer: str
    setting: Setting = Setting()
    arguments: tuple = ()    # instead of the scenario's
    pinned: bool = True      # on a processor of its own
    once: bool = False       # in the first round only


@dataclass(frozen=True)
class Metric:
    key: str
    title: str
    value: Callable          # of what the load generator said
    form: str = "{:.2f}"
    compare: bool = True     # with the best peer and the floor
    middle: Callable = statistics.fmean   # of the samples of a round; of one that a single moment can spoil, the median


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    full: tuple
    quick: tuple
    runs: tuple
    metrics: tuple
    about: str = ""
    counts: bool = False     # system calls, in a run of its own, instead of time
    once: bool = False       # one round tells it: it does not vary
    passes: int = 1          # how often in a round those are measured that goals compare
    skew: bool = False


def words(text):
    return tuple(text.split())


def plain(names, **setting):
    """Ours as it comes (with its log), the others without logs."""
    return tuple(Run(name, name, Setting(log=name == OURS, **setting)) for name in names)


def with_logs():
    return (Run(f"{OURS}, log off", OURS, Setting(log=False), once=True),
            *(Run(f"{name}, access log", name, Setting(log=True), once=True)
              for name in ("nginx", "haproxy", "caddy", "nghttpx", "h2o")))


def in_all(count):
    return lambda said: said["proxy_cpu_us"] / max(said[count], 1)


def per(count):
    """What one cost: in the quarter of a sample's parts in which it cost least, where the load generator says so."""
    return lambda said: said.get("cpu_quartile_us") or in_all(count)(said)


def pss_slope(said):
    steps = sorted((int(key.split("_")[1]), value) for key, value in said.items()
                   if key.startswith("pss_") and key.split("_")[1].isdigit())
    (low, low_kib), (high, high_kib) = steps[0], steps[-1]
    return (high_kib - low_kib) / (high - low)


def pss_bend(said):
    """How much dearer a stream of the last step is than one of the first, in percent."""
    steps = sorted((int(key.split("_")[1]), value) for key, value in said.items()
                   if key.startswith("pss_") and key.split("_")[1].isdigit())
    slopes = [(b_kib - a_kib) / (b - a) for (a, a_kib), (b, b_kib) in zip(steps, steps[1:])]
    return 100 * (slopes[-1] / slopes[0] - 1) if slopes[0] > 0 else 0.0


def lateness(key):
    """Behind the moment at which a heartbeat was due; early is not late."""
    return lambda said: max(0.0, said[key] / 1000 - 1000 * said["interval"])


CPU_EVENT = Metric("cpu", "CPU per event, µs", per("events"))
CPU_REQUEST = Metric("cpu", "CPU per request, µs", per("requests"))
NOT_NOTICED = Metric("kept", "not noticed, %", lambda said: 100 * said["kept_upstream"] / max(said["streams"], 1),
                     "{:.0f}", compare=False)
WHOLE_LIFE = ("Streams whose proxy does not notice that nobody is there get their next event a second later, as they "
              "would from any backend, so that every stream has its whole life in the figure.")
CPU_STREAM = Metric("cpu", "CPU per stream, µs", per("streams"))
P50 = Metric("p50", "p50, µs", lambda said: said["latency_p50_us"], "{:.0f}", middle=statistics.median)
P99 = Metric("p99", "p99, µs", lambda said: said["latency_p99_us"], "{:.0f}", compare=False, middle=statistics.median)
CALLS_EVENT = Metric("calls", "system calls per event", lambda said: said["calls"] / max(said["events"], 1))
CALLS_REQUEST = Metric("calls", "system calls per request", lambda said: said["calls"] / max(said["requests"], 1))
THROUGHPUT = Metric("rate", "events/s", lambda said: said["events"] / said["wall_s"], "{:.0f}", compare=False)

FANOUT = (words("fanout --streams 200 --warm-up 0.3 --seconds 1.5"),
          words("fanout --streams 50 --warm-up 0.1 --seconds 0.3"))
REQUESTS = (words("requests --streams 32 --warm-up 0.3 --seconds 1"),
            words("requests --streams 8 --warm-up 0.1 --seconds 0.3"))
STORM = (words("storm --streams 4000 --cycles 3"), words("storm --streams 400 --cycles 1"))


def growth():
    """The same number of events a second over more and more streams."""
    names = (FLOOR, OURS, "nginx", "haproxy")
    return tuple(Run(f"{name}, {streams} streams", name, Setting(log=name == OURS),
                     words(f"--streams {streams} --rate {10000 / streams}"))
                 for streams in (100, 1000, 9000) for name in names)


def workers():
    return tuple(Run(f"{name}, {count} worker{'s' if count > 1 else ''}", name,
                     Setting(log=name == OURS, workers=count), pinned=False)
                 for name in (FLOOR, OURS, "nginx", "haproxy") for count in (1, 2))


SCENARIOS = (
    Scenario("idle", "Memory of silent streams", words("idle --steps 1000,5000,9000 --warm-up 1"),
             words("idle --steps 100,300,500 --warm-up 0.2"),
             plain(EVENT_PEERS) + (Run("pushpin, to 2,000", "pushpin", arguments=words("--steps 500,1000,2000")),),
             (Metric("slope", "PSS per stream, kB", pss_slope),
              Metric("empty", "empty process, MiB", lambda said: said["pss_empty_kib"] / 1024),
              Metric("bend", "last step against first, %", pss_bend, "{:+.1f}", compare=False)),
             "PSS of all processes of the proxy; the slope is that from the first step, 1,000 streams, to the last, "
             "9,000. Pushpin does not get there in time.", once=True),
    Scenario("rate", "Streams at ten events a second", words("rate --streams 1000 --rate 10 --warm-up 0.5 --seconds 2"),
             words("rate --streams 100 --rate 10 --warm-up 0.1 --seconds 0.4"), plain(EVENT_PEERS),
             (P50, P99, CPU_EVENT, Metric("pss", "PSS, MiB", lambda said: said["pss_kib"] / 1024)),
             "1,000 streams, 10,000 events a second in all, evenly spread; latency from the backend's write to the "
             "client's read.", passes=8),
    Scenario("fanout", "Saturated fan-out", *FANOUT, plain(EVENT_PEERS + SLOW), (CPU_EVENT, P50, P99, THROUGHPUT),
             "200 streams, each of which gets its next event when the last one has arrived.", passes=12),
    Scenario("requests", "Ordinary keep-alive requests", *REQUESTS, plain(HTTP_PEERS + SLOW) + with_logs(),
             (CPU_REQUEST, P50, P99), "32 connections, answers of 1 KiB, one after the other.", passes=24),
    Scenario("storm", "Reconnect storm", *STORM, plain(EVENT_PEERS) + with_logs(),
             (CPU_STREAM, Metric("connect", "connect to first event, mean, ms",
                                 lambda said: said["connect_mean_us"] / 1000, "{:.1f}", compare=False),
              NOT_NOTICED),
             "4,000 clients connect at once, wait until all have their first event, and leave at once; three times. "
             + WHOLE_LIFE, passes=6),
    Scenario("burst", "Bursts", words("burst --streams 4 --events 500000"), words("burst --streams 4 --events 10000"),
             plain(EVENT_PEERS), (Metric("cpu", "CPU per MB, µs", per("megabytes"), "{:.0f}"),),
             "4 streams of 500,000 events of 256 B, as fast as they are taken, one chunk each.", passes=16),
    Scenario("heartbeats", "Heartbeats", words("heartbeats --streams 8000 --interval 1 --warm-up 1.5 --seconds 4"),
             words("heartbeats --streams 300 --interval 1 --warm-up 1.2 --seconds 1"),
             (Run(OURS, OURS, Setting(log=True, extra=("--heartbeat-interval", "1s"))),
              Run(SENDS_ONLY, FLOOR, Setting(extra=("--heartbeats", "on"))),
              Run(FLOOR, FLOOR, arguments=words("rate --rate 1 --event-bytes 64"))),
             (Metric("cpu", "CPU each, µs",
                     lambda said: in_all("heartbeats" if "heartbeats" in said else "events")(said)),),
             "8,000 streams with one heartbeat a second; the relay passes on as many events of the backend. With "
             "heartbeats of its own it shows what the kernel takes for a `send` to a stream that was silent for a "
             "second.",
             passes=4),
    Scenario("calls-rate", "System calls, low rate", words("rate --streams 100 --rate 10 --warm-up 0.5 --seconds 2"),
             words("rate --streams 50 --rate 10 --warm-up 0.1 --seconds 0.4"), plain(EVENT_PEERS), (CALLS_EVENT,),
             counts=True, once=True),
    Scenario("calls-fanout", "System calls, saturated", *FANOUT, plain(EVENT_PEERS), (CALLS_EVENT,), counts=True,
             once=True),
    Scenario("calls-requests", "System calls, requests", *REQUESTS, plain(HTTP_PEERS), (CALLS_REQUEST,),
             counts=True, once=True),
    Scenario("tls-fanout", "Saturated fan-out over TLS", FANOUT[0] + ("--tls",), FANOUT[1] + ("--tls",),
             plain(TLS_PEERS, tls=True), (CPU_EVENT, P50, P99),
             "TLS 1.3 to the client, AES-128-GCM, X25519, ECDSA P-256.", passes=8),
    Scenario("tls-requests", "Requests over TLS", REQUESTS[0] + ("--tls",), REQUESTS[1] + ("--tls",),
             plain([name for name in TLS_PEERS if name in HTTP_PEERS], tls=True), (CPU_REQUEST, P50, P99), passes=60),
    Scenario("tls-storm", "Reconnect storm over TLS", words("storm --streams 1000 --cycles 3 --tls"),
             words("storm --streams 100 --cycles 1 --tls"), plain(TLS_PEERS, tls=True), (CPU_STREAM, NOT_NOTICED),
             "1,000 clients, full handshakes. " + WHOLE_LIFE, passes=40),
    Scenario("tls-idle", "Memory of silent streams over TLS", words("idle --steps 500,1500,2500 --warm-up 1 --tls"),
             words("idle --steps 50,100,150 --warm-up 0.2 --tls"), plain(TLS_PEERS, tls=True),
             (Metric("slope", "PSS per stream, kB", pss_slope),), once=True),
    Scenario("growth", "Growth", words("rate --warm-up 0.5 --seconds 2"), words("rate --warm-up 0.1 --seconds 0.3"),
             growth(), (CPU_EVENT, P50, P99), "10,000 events a second in all, over 100, 1,000 and 9,000 streams. "
             "In the goals, what shrinks has not grown: flat is 1.", passes=24),
    Scenario("incident", "Heartbeats and connections of the incident",
             words("heartbeats --streams 9000 --interval 1 --warm-up 1.5 --seconds 5"),
             words("heartbeats --streams 300 --interval 1 --warm-up 1.2 --seconds 1.5"),
             (Run(OURS, OURS, Setting(log=True, extra=("--heartbeat-interval", "1s"))),),
             (Metric("success", "connections that succeed, %", lambda said: 100 * said["open"] / said["attempts"]),
              Metric("connect", "mean time to connect, ms", lambda said: said["connect_mean_us"] / 1000),
              Metric("late50", "heartbeat late, p50, ms", lateness("gap_p50_us")),
              Metric("late99", "heartbeat late, p99, ms", lateness("gap_p99_us")),
              Metric("late", "heartbeat late, largest, ms", lateness("gap_max_us"))),
             "9,000 silent streams that connect over some seconds, heartbeats every second."),
    Scenario("restart", "Restart under streams", words("restart --streams 5000"), words("restart --streams 200"),
             (Run(OURS, OURS, Setting(log=True)),),
             (Metric("success", "clients that come back, %", lambda said: 100 * said["open"] / said["streams"]),
              Metric("ended", "streams with a proper end, %", lambda said: 100 * said["ended"] / said["streams"]),
              Metric("return", "from end to first event, p50, ms", lambda said: said["return_p50_us"] / 1000, "{:.0f}"),
              Metric("return99", "p99, ms", lambda said: said["return_p99_us"] / 1000, "{:.0f}")),
             "SIGTERM, and the program is started again when it has ended; clients wait as an EventSource does "
             "(`retry:`, else 3 s)."),
    Scenario("workers-rate", "Two workers: events", words("rate --streams 1000 --rate 10 --warm-up 0.5 --seconds 2"),
             words("rate --streams 100 --rate 10 --warm-up 0.1 --seconds 0.4"), workers(),
             (CPU_EVENT, Metric("skew", "skew of streams, %", lambda said: said["skew"], "{:.0f}", compare=False)),
             "On both processors, which the load uses too. Skew: the fullest worker's streams above the mean.",
             skew=True, passes=20),
    Scenario("workers-requests", "Two workers: requests", *REQUESTS, workers(), (CPU_REQUEST,), passes=48),
)


@dataclass(frozen=True)
class Goal:
    """What has to hold, and what would be fine: ours against the best of `peers`, or against a figure."""
    title: str
    scenario: str
    metric: str
    peers: tuple = ()        # labels; empty: the figures are absolute
    must: float = 1.0
    aim: float = 1.0
    ours: str = OURS
    more: bool = False       # more is better
    steady: bool = False     # one sample says as much as many
    base: str = ""           # behind the label: the figure is the growth from this row to that of `ours` and `peers`


PROXIES = tuple(name for name in PEERS if name not in (OURS, FLOOR))
GOALS = (
    Goal("memory per idle stream", "idle", "slope", PROXIES, 0.45, 0.25, steady=True),
    Goal("empty process", "idle", "empty", PROXIES, 1.2, 0.8, steady=True),
    Goal("memory with 1,000 streams at 10 events/s", "rate", "pss", PROXIES, 0.5, 0.3, steady=True),
    Goal("saturated fan-out, CPU per event, against nginx", "fanout", "cpu", ("nginx",), 1.0, 0.95),
    Goal("saturated fan-out, CPU per event, against the relay", "fanout", "cpu", (FLOOR,), float("inf"), 1.08),
    Goal("latency at 1,000 streams, p50", "rate", "p50", ("nginx", "haproxy"), 1.05, 0.9),
    Goal("ordinary requests, CPU per request", "requests", "cpu", ("nginx",), 1.0, 0.85),
    Goal("reconnect storm, CPU per stream", "storm", "cpu", ("haproxy",), 1.0, 0.9),
    Goal("bursts, CPU per MB", "burst", "cpu", PROXIES, 1.2, 0.95),
    Goal("heartbeats, CPU each, against the relay", "heartbeats", "cpu", (FLOOR,), 0.5, 0.35),
    Goal("heartbeats, CPU each, against bare sends", "heartbeats", "cpu", (SENDS_ONLY,), float("inf"), float("inf")),
    Goal("system calls per event, low rate", "calls-rate", "calls", (), 4, 3.05),
    Goal("system calls per event, saturated", "calls-fanout", "calls", (), 2.2, 2.1),
    Goal("system calls per request", "calls-requests", "calls", (), 5.4, 4.5),
    Goal("fan-out over TLS, CPU per event", "tls-fanout", "cpu", ("nginx", "haproxy"), 1.0, 0.9),
    Goal("requests over TLS, CPU per request", "tls-requests", "cpu", ("nginx", "haproxy"), 1.0, 0.9),
    Goal("storm over TLS, CPU per stream", "tls-storm", "cpu", ("nginx", "haproxy"), 1.0, 0.9),
    Goal("memory per stream, last step against first, %", "idle", "bend", (), 5, 5, steady=True),
    Goal("growth of CPU per event from 100 to 9,000 streams", "growth", "cpu", ("nginx, 9000 streams",),
         ours=f"{OURS}, 9000 streams", base=", 100 streams"),
    Goal("growth of CPU per event, flat", "growth", "cpu", (), float("inf"), 1.05,
         ours=f"{OURS}, 9000 streams", base=", 100 streams"),
    Goal("growth of p50 from 100 to 9,000 streams", "growth", "p50", ("nginx, 9000 streams",),
         ours=f"{OURS}, 9000 streams", base=", 100 streams"),
    Goal("growth of p50, flat", "growth", "p50", (), float("inf"), 1.05,
         ours=f"{OURS}, 9000 streams", base=", 100 streams"),
    Goal("connections that succeed, %", "incident", "success", (), 100, 100, more=True),
    Goal("mean time to connect, ms", "incident", "connect", (), 20, 20),
    Goal("heartbeats late at 9,000 streams, p99, ms", "incident", "late99", (), 50, 20),
    Goal("clients that come back after a restart, %", "restart", "success", (), 100, 100, more=True),
    Goal("two workers against one, CPU per event", "workers-rate", "cpu", (f"{OURS}, 1 worker",), 1.05, 1.0,
         ours=f"{OURS}, 2 workers"),
    Goal("two workers against one, CPU per request", "workers-requests", "cpu", (f"{OURS}, 1 worker",), 1.05, 1.0,
         ours=f"{OURS}, 2 workers"),
    Goal("two workers, skew of streams, %", "workers-rate", "skew", (), 10, 10, ours=f"{OURS}, 2 workers"),
)


def compared(scenario):
    """Labels of the rows of a scenario that goals compare by figures that vary from sample to sample."""
    labels = [(label, goal.base) for goal in GOALS if goal.scenario == scenario and not goal.steady
              for label in (goal.ours, *goal.peers)]
    return {label for label, _ in labels} | {label.split(",")[0] + base for label, base in labels if base}
