"""The table through sse-sidecar, nginx, HAProxy and Caddy: where they do something else than we, and why we do it so.

Prints Markdown. Nothing is asserted about the others; that is no judgement either: they serve other purposes too.
"""

import argparse
import concurrent.futures
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "systems")]
os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")

import peers  # noqa: E402
from case import CLOSED, OPEN  # noqa: E402
from exchange import Backend, fields_of, run, serves  # noqa: E402
from harness import Systems, find  # noqa: E402
from table import GROUPS, TITLES  # noqa: E402

LANES = 4
PATIENCE = 1.0  # for an answer that may never come
US = "sse-sidecar"
# What a proxy may add, drop or write in its own way; no difference that anybody would look for here.
NOISE = {b"host", b"connection", b"content-length", b"transfer-encoding", b"via", b"server", b"date", b"user-agent",
         b"accept-encoding", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"keep-alive", b"alt-svc",
         b"content-type", b"trailer"}


def body_of(message, start, fields):
    """The body, its chunks joined."""
    if b"chunked" not in fields.get(b"transfer-encoding", b"").lower():
        return message[start:]
    body = b""
    while (line := message.find(b"\r\n", start)) >= 0:
        size = int(message[start:line].split(b";")[0] or b"0", 16)
        if size == 0:
            break
        body += message[line + 2:line + 2 + size]
        start = line + 2 + size + 2
    return body


def facts(message):
    """Start line, fields and body, without what every proxy writes in its own way."""
    end = message.find(b"\r\n\r\n")
    fields = fields_of(message[:end])
    kept = {(name, value) for name, value in fields.items() if name not in NOISE}
    return message[:message.find(b"\r\n")], kept, body_of(message, end + 4, fields)


def text(raw):
    return raw.decode("latin-1").encode("unicode_escape").decode()


def forwarded(wanted, got):
    """In what the forwarded request differs from ours."""
    line, fields, body = facts(wanted)
    other_line, other_fields, other_body = facts(got)
    found = []
    if line.split(b" ")[:2] != other_line.split(b" ")[:2]:
        found.append(f"forwards `{text(other_line)}`")
    found += [f"adds or keeps `{text(name)}: {text(value)}`" for name, value in sorted(other_fields - fields)]
    found += [f"drops or changes `{text(name)}`" for name, _ in sorted(fields - other_fields)]
    if body != other_body:
        found.append(f"forwards the body `{text(other_body)}`")
    return found


def refusal(case, outcome):
    status = next((str(status) for status in outcome.statuses), "no answer")
    if outcome.seen:
        only_behind = b"/behind" in outcome.seen[0].split(b"\r\n")[0]
        many = f", as {len(outcome.seen) - 1} requests" if len(outcome.seen) > 2 else ""
        return [f"serves what is behind it ({status})" if only_behind else f"serves it{many} ({status})"]
    if outcome.statuses[:1] and outcome.statuses[0] < 400:
        return [f"answers {status}"]
    if outcome.begun and not case.begun:
        return [f"begins to forward it ({status})"]
    if not outcome.statuses and outcome.end == OPEN:
        return ["waits for more"]
    return []  # another status is no difference


def response(case, outcome):
    wanted, status = case.statuses[-1], outcome.statuses[-1] if outcome.statuses else None
    if wanted == 502:
        return [] if status is not None and status >= 500 else [f"passes it on ({status or 'as it came'})"]
    if status != wanted:
        return [f"{status or 'no answer'} instead of {wanted}"]
    found = []
    if outcome.shared:
        found.append("shares the connection")
    if outcome.whole and not case.whole and outcome.end == CLOSED:
        found.append("looks complete")
    if case.whole and not outcome.whole:
        found.append("cut")
    if case.wire is not None and len(outcome.statuses) == len(case.statuses) == 1:
        _, fields, body = facts(case.wire)
        _, other_fields, other_body = facts(outcome.wire)
        found += [f"keeps `{text(name)}`" for name, _ in sorted(other_fields - fields)]
        found += [f"drops or changes `{text(name)}`" for name, _ in sorted(fields - other_fields)]
        if case.whole and outcome.whole and body != other_body:
            found.append(f"body `{text(other_body)}`")
    return found


def differences(case, outcome):
    if isinstance(outcome, Exception):
        return [f"broke: {outcome}"]
    if not case.seen:
        return refusal(case, outcome)
    if not outcome.seen and case.statuses[-1] < 400:
        return [f"refuses ({next(iter(outcome.statuses), 'no answer')})"]
    found = [] if len(outcome.seen) == len(case.seen) else [f"the backend sees {len(outcome.seen)} requests"]
    for wanted, got in zip(case.seen, outcome.seen):
        found += forwarded(wanted, got)
    return found + response(case, outcome)


def lane(port, backend, cases):
    outcomes = []
    for case in cases:
        try:
            outcomes.append(run(case, port, backend, PATIENCE))
        except (OSError, RuntimeError) as problem:
            outcomes.append(problem)
    return outcomes


def measure(systems, names, cases):
    """The outcomes of all cases by the proxy's name."""
    lanes = []
    for name in names:
        for index in range(LANES):
            backend = Backend()
            port = systems.sidecar(backend.port).port if name == US else peers.start(name, systems, backend.port)
            if not any(serves(port, 2.0) for _ in range(3)):
                raise SystemExit(f"conformance: {name} does not serve")
            lanes.append((name, index, port, backend))
    outcomes = {name: [None] * len(cases) for name in names}
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        futures = [pool.submit(lane, port, backend, cases[index::LANES]) for _, index, port, backend in lanes]
        for (name, index, _, _), future in zip(lanes, futures):
            outcomes[name][index::LANES] = future.result()
    return outcomes


def cell(found):
    return "; ".join(found).replace("|", "\\|") if found else "as we do"


def reason(case):
    """What the table says, or what goes without saying."""
    if case.why:
        return case.why
    if not case.seen:
        return "malformed: refused, not guessed"
    return "malformed: 502, not guessed" if case.statuses[-1] == 502 else "well-formed: passed on"


def report(outcomes, names):
    others = names[1:]
    print("# Where we differ\n")
    print(f"Compared with {', '.join(peers.version(name) for name in others)}, each a plain reverse proxy.")
    print("Left out: other status codes for the same refusal, and what every proxy writes in its own way.\n")
    count = dict.fromkeys(names, 0)
    number = 0
    for group, cases in GROUPS.items():
        print(f"## {TITLES[group]}\n")
        print(f"| case | we | {' | '.join(others)} | why |\n|{'---|' * (len(others) + 3)}")
        for case in cases:
            row(case, {name: differences(case, outcomes[name][number]) for name in names}, count)
            number += 1
        print()
    print(f"{number} cases. " + ", ".join(f"{name} differs in {count[name]}" for name in others) + ".")
    if count[US]:
        print(f"{US} itself is not as the table says in {count[US]}: run the test.")


def row(case, found, count):
    """A line of the table, where anybody differs."""
    for name in found:
        count[name] += bool(found[name])
    if not any(found.values()):
        return
    we = " ".join(map(str, dict.fromkeys(case.statuses))) + (" " + cell(found[US]) if found[US] else "")
    columns = " | ".join(cell(differs) for name, differs in found.items() if name != US)
    print(f"| {case.name} | {we} | {columns} | {reason(case)} |")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", choices=sorted(peers.PEERS), action="append", help="one of the others; repeatable")
    chosen = arguments.parse_args().only or [name for name in peers.PEERS if find(name)]
    names = [US, *chosen]
    cases = [case for group in GROUPS.values() for case in group]
    systems = Systems()
    try:
        outcomes = measure(systems, names, cases)
    finally:
        systems.close()
    report(outcomes, names)


if __name__ == "__main__":
    main()
