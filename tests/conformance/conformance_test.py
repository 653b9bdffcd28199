"""The table against the real binary: every case exactly as it is written down."""

import concurrent.futures
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "systems")]

from case import OPEN  # noqa: E402
from exchange import Backend, run, serves  # noqa: E402
from harness import Systems, main, seconds  # noqa: E402
from table import GROUPS  # noqa: E402

LANES = 4  # sidecars, each with a backend of its own, that share the cases


def differences(case, outcome):
    """What is not as the table says."""
    found = []
    if outcome.statuses != list(case.statuses):
        found.append(f"the client got {outcome.statuses} {outcome.bodies!r}, not {list(case.statuses)}")
    if outcome.end != case.end:
        found.append(f"its connection is {outcome.end}, not {case.end}")
    if outcome.whole != case.whole:
        found.append(f"the answer looks {'whole' if outcome.whole else 'cut'}")
    if case.wire is not None and outcome.wire != case.wire:
        found.append(f"the client read\n  {outcome.wire!r}, not\n  {case.wire!r}")
    if outcome.seen != list(case.seen):
        found.append(f"the backend saw\n  {outcome.seen}, not\n  {list(case.seen)}")
    if outcome.begun and not case.begun:
        found.append("the backend saw the beginning of something")
    if outcome.shared:
        found.append("another client got the connection")
    return found


class Conformance(unittest.TestCase):
    def table(self, group):
        cases = GROUPS[group]
        systems = Systems()
        self.addCleanup(systems.close)
        backends = [Backend() for _ in range(LANES)]
        # Started here: a program ends with the thread that started it.
        ports = [systems.sidecar(backend.port).port for backend in backends]
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            list(pool.map(self.lane, backends, ports, (cases[lane::LANES] for lane in range(LANES))))

    def lane(self, backend, port, cases):
        self.assertTrue(serves(port, seconds(5)))
        for case in cases:
            found = differences(case, run(case, port, backend, seconds(2)))
            with self.subTest(case.name):
                self.assertEqual(found, [], "\n".join([case.name, *found]))

    def test_framing(self):
        self.table("framing")

    def test_heads(self):
        self.table("heads")

    def test_responses(self):
        self.table("responses")

    def test_the_table_says_what_it_looks_at(self):
        for group, cases in GROUPS.items():
            self.assertGreater(len(cases), 30, group)
            for case in cases:
                self.assertTrue(case.end != OPEN or case.whole, case.name)


if __name__ == "__main__":
    main()
