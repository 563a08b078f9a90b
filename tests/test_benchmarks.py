import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "benchmarks" / "benchmarks.py"

ROWS = (
    *("judge / json.loads", "judge, an event of", *("judge, a byte of",) * 11),
    *(*("judge, an entry of a HAR",) * 2, "redact a HAR", "entries of a HAR judged a second"),
    *("transition / its bare successor, mean", "transition / its bare successor, ", "union, a scope of"),
    *("stateful run / an empty one", "Python SDK in a world / with canned answers"),
    *("python-sdk: a check, shortening included / the bare client", "scopelaw check"),
    *("an episode by command / the client's own start", "an episode by command: our time / the client's"),
    "a check by command: shortening its traces / searching",
)


def test_every_measure_prints_its_row() -> None:
    # How fast things are is not asserted: that would test the machine and its other users.
    quick = [sys.executable, str(SCRIPT), "--quick"]
    done = subprocess.run(quick, capture_output=True, encoding="utf-8", check=True)
    lines = done.stdout.splitlines()
    assert [line.startswith(row) for line, row in zip(lines, ROWS, strict=True)] == [True] * len(ROWS)
