"""httpx, with its lines read in the ways in which scripts do that. Cases come and go as with cases.js."""

import concurrent.futures
import json
import sys
import time

import httpx


def data_lines(response, see):
    """Takes what begins with `data:`, passes over all else."""
    for line in response.iter_lines():
        if line.startswith("data:"):
            see(line[5:].strip())


def blocks(response, see):
    """Splits at blank lines, and tests how a block begins."""
    text = ""
    for part in response.iter_text():
        text += part.replace("\r\n", "\n")
        *whole, text = text.split("\n\n")
        for block in whole:
            if block.startswith("data: "):
                see(block[6:])


def json_lines(response, see):
    """Takes every line that is not blank for JSON behind `data: `."""
    for line in response.iter_lines():
        if line.strip():
            see(json.loads(line.strip().removeprefix("data: ")))


def read(case, patience):
    seen, error = [], None
    began = time.monotonic()
    try:
        with httpx.stream(case.get("method", "GET"), case["url"], headers={"Accept": "text/event-stream"},
                          timeout=httpx.Timeout(20, read=patience), trust_env=False) as response:
            globals()[case["way"]](response, seen.append)
    except Exception as problem:  # a result like others
        error = {"name": type(problem).__name__, "message": str(problem), "status": None}
    return {"name": case["name"], "seen": seen, "error": error, "seconds": time.monotonic() - began}


def main():
    asked = json.load(sys.stdin)
    patience = asked["patience"] / 1000 if asked["patience"] else 20
    with concurrent.futures.ThreadPoolExecutor(len(asked["cases"])) as pool:
        for done in pool.map(lambda case: read(case, patience), asked["cases"]):
            print(json.dumps(done))


if __name__ == "__main__":
    main()
