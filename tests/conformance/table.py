"""All cases, and a name for each of them that is there once."""

import cases_framing
import cases_heads
import cases_responses

TITLES = {"framing": "Where a request ends", "heads": "Heads of requests", "responses": "Answers of the backend"}
GROUPS = {"framing": cases_framing.CASES, "heads": cases_heads.CASES, "responses": cases_responses.CASES}

for group, cases in GROUPS.items():
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
