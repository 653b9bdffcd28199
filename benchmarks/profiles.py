"""Where the time of a proxy goes while a scenario is played: perf samples it, and what it saw becomes a table."""

import re
import shutil
import subprocess

import processes
from machine import Attached
from processes import Failed

FREQUENCY = 4999        # samples a second, and in step with nothing
SHARE = 1.0             # percent: objects that have less are left out
DEAREST = 6             # functions of each object
KERNEL = "kernel"
# Of what the kernel does, with all that is called from there. On loopback a sender does the receiver's part, too.
WITHIN = {
    "net_rx_action": "receiver's part of sends",
    "sock_def_readable": "waking the receiver",
    "__tcp_send_ack": "acknowledging",
    "schedule": "going to sleep",
}


class Recording(Attached):
    """Samples processes until it is ended."""

    def __init__(self, pids, folder):
        self._perf = shutil.which("perf", path=processes.SEARCH)
        if self._perf is None:
            raise Failed("perf is not there")
        self._data = folder / "perf.data"
        super().__init__([self._perf, "record", "-F", FREQUENCY, "-g", "-o", self._data, "-p",
                          ",".join(map(str, pids))], folder / "perf.log")

    def end(self):
        """What was seen: of each object and each function its share in percent; of functions of the kernel also that
        with all that they call."""
        self.stop()
        own = self._report("--no-children", "--sort", "dso,sym")
        if not own:
            raise Failed(f"perf saw nothing: {self.log.read_text('utf-8', 'replace')[-500:]}")
        return {"own": own, "within": self._report("--children", "--sort", "sym")}

    def _report(self, *words):
        done = subprocess.run([self._perf, "report", "-i", self._data, "-g", "none", "--stdio",
                               "--field-separator=;", *words], capture_output=True, text=True, check=False)
        return rows(done.stdout)


def rows(text):
    """The lines of perf's table: a share in percent, and the words behind it."""
    found = []
    for line in text.splitlines():
        share, *words = (word.strip() for word in line.split(";"))
        if re.fullmatch(r"[\d.]+%", share):
            found.append([float(share[:-1]), *words])
    return found


def short(symbol):
    """A function's name without what is in brackets behind it."""
    name = re.sub(r"^\[.\] ", "", symbol).replace("(anonymous namespace)::", "")
    while (bare := re.sub(r"<[^<>]*>", "", name)) != name:
        name = bare
    return re.sub(r"\(.*", "", name).removeprefix("sidecar::")


def _object(name):
    return KERNEL if name.startswith("[kernel") else name.split(".so")[0]


def table(seen):
    """Markdown: objects, the dearest first, each with its dearest functions."""
    objects = {}
    for share, name, symbol in seen["own"]:
        objects.setdefault(_object(name), []).append((share, short(symbol)))
    lines = ["| where | share, % | of it, % |", "|---|---:|---|"]
    for name, functions in sorted(objects.items(), key=lambda item: -sum(share for share, _ in item[1])):
        whole = sum(share for share, _ in functions)
        if whole >= SHARE:
            named = sorted((one for one in functions if not one[1].startswith("0x")), reverse=True)
            said = [f"`{symbol}` {share:.1f}" for share, symbol in named[:DEAREST]]
            lines.append(f"| {name} | {whole:.0f} | {', '.join(said)} |")
    kernel = ", ".join(_within(seen["within"]))
    return "\n".join([*lines, "", f"The kernel's functions with all that they call: {kernel}."] if kernel else lines)


def _within(rows_of_all):
    """Calls and the parts that have a name here, each with the share of its outermost function."""
    shares = {}
    for share, _, symbol in rows_of_all:
        name = short(symbol).split(".")[0]
        call = re.fullmatch(r"__(?:x64_)?sys_(\w+)", name)
        if symbol.startswith("[k]") and (call or name in WITHIN):
            label = f"`{call[1]}`" if call else WITHIN[name]
            shares[label] = max(share, shares.get(label, 0))
    dearest = sorted(shares.items(), key=lambda item: -item[1])
    return [f"{label} {share:.0f} %" for label, share in dearest if share >= SHARE]
