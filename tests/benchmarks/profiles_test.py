#!/usr/bin/env python3
"""What becomes of perf's tables."""

import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "benchmarks"))

import profiles  # noqa: E402

OWN = """# Samples: 2K of event 'cpu-clock:pppH'
#
# Overhead;Shared Object      ;Symbol
 40.00% ;[kernel.kallsyms]  ;[k] tcp_ack
 19.00% ;[kernel.kallsyms]  ;[k] fdget
 20.00% ;sse-sidecar        ;[.] sidecar::net::Watch::wait<std::array<int, 3> >(int)
  9.50% ;libc.so.6          ;[.] __send
 10.00% ;libcrypto.so.3     ;[.] 0x00000000000dcd07
  1.00% ;libcrypto.so.3     ;[.] BIO_ctrl
  0.50% ;libm.so.6          ;[.] sin

"""
WITHIN = """# Children;    Self;Symbol
 89.00% ; 0.00%  ;[k] do_syscall_64
 60.00% ; 0.00%  ;[k] __sys_sendmsg
 55.00% ; 1.00%  ;[k] __x64_sys_sendto
 54.00% ; 1.00%  ;[k] __sys_sendto
 41.00% ; 1.00%  ;[k] net_rx_action
 10.00% ; 9.00%  ;[.] __sys_of_somebody_else
  7.00% ; 0.00%  ;[k] __tcp_send_ack.part.0
  0.30% ; 0.00%  ;[k] __x64_sys_close
"""


class Table(unittest.TestCase):
    def test_objects_come_with_their_dearest_functions(self):
        self.assertEqual(profiles.table({"own": profiles.rows(OWN), "within": profiles.rows(WITHIN)}), "\n".join([
            "| where | share, % | of it, % |",
            "|---|---:|---|",
            "| kernel | 59 | `tcp_ack` 40.0, `fdget` 19.0 |",
            "| sse-sidecar | 20 | `net::Watch::wait` 20.0 |",
            "| libcrypto | 11 | `BIO_ctrl` 1.0 |",
            "| libc | 10 | `__send` 9.5 |",
            "",
            "The kernel's functions with all that they call: `sendmsg` 60 %, `sendto` 55 %, receiver's part of sends "
            "41 %, acknowledging 7 %.",
        ]))

    def test_a_kernel_that_may_not_be_seen_is_left_out(self):
        text = profiles.table({"own": profiles.rows(OWN), "within": []})
        self.assertNotIn("with all that they call", text)

    def test_what_is_no_row_is_none(self):
        self.assertEqual(profiles.rows("# a;b\n\nError: x;y\n 1.5%;a;b;c\n"), [[1.5, "a", "b", "c"]])

    def test_names_lose_what_is_in_brackets(self):
        self.assertEqual(profiles.short("[.] sidecar::http::find(std::span<a<b>, 1ul>, int)"), "http::find")
        self.assertEqual(profiles.short("[k] _raw_spin_lock"), "_raw_spin_lock")
        self.assertEqual(profiles.short("[.] sidecar::sse::(anonymous namespace)::find(int)"), "sse::find")


PERF = """#!/bin/sh
case "$1 $*" in
  record*"-p 7,8"*) trap 'touch "$FOLDER/perf.data"; exit' INT; for _ in $(seq 1000); do sleep .01; done ;;
  report*--no-children*) [ -e "$FOLDER/perf.data" ] && cat "$FOLDER/own" ;;
  report*--children*) cat "$FOLDER/within" ;;
esac
"""


class Recording(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "perf").write_text(PERF.replace("$FOLDER", str(self.folder)))
        (self.folder / "perf").chmod(0o755)
        (self.folder / "own").write_text(OWN)
        (self.folder / "within").write_text(WITHIN)
        self.enterContext(unittest.mock.patch("processes.SEARCH", str(self.folder)))

    def test_perf_samples_until_the_end_and_is_asked_for_both_tables(self):
        recording = profiles.Recording([7, 8], self.folder)
        self.assertEqual(recording.end(), {"own": profiles.rows(OWN), "within": profiles.rows(WITHIN)})

    def test_a_perf_that_saw_nothing_is_an_error(self):
        (self.folder / "own").write_text("")
        recording = profiles.Recording([7, 8], self.folder)
        with self.assertRaisesRegex(profiles.Failed, "perf saw nothing"):
            recording.end()

    def test_without_perf_it_says_so(self):
        (self.folder / "perf").unlink()
        with self.assertRaisesRegex(profiles.Failed, "perf is not there"):
            profiles.Recording([7, 8], self.folder)


if __name__ == "__main__":
    unittest.main(verbosity=2)
