"""The table of what each real server was seen to do, beside what ours do.

`python -m real.table`, started from the folder above, writes it from the recordings beside it; with `--play` it first
plays everything anew and records it. Nothing in the table is written by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import Any, Final

from drivers.reference import Answered
from over_http import Direct, ModelOverHttp, OverHttp
from real.answers import Answer, Observer, answers
from real.playing import AS, PLAYS, Entry, entry, play, register_otherwise
from real.serving import FOLDER, MCP_SERVERS, installed
from scope_properties.runs import Run
from scope_properties.sampling import sample

RECORDED: Final = FOLDER / "recorded"
TABLE: Final = FOLDER / "README.md"

EPISODES: Final = 1_000
"""How many worlds of ours are looked at: an answer that is in none of them is one that a check does not try."""

NOT_OURS: Final[Mapping[Answer, str]] = {
    Answer("call that is served", "200, text/event-stream"): "how MCP wraps a result says nothing of scopes",
    Answer("token request with a refresh token", "400 invalid_grant, with error_description"): "a text for people",
}
"""What real servers answer and ours do not, and why that stands."""

_ABOUT: Final = """\
# Real servers

Written by `python -m real.table` from the recordings beside it, which `--play` makes anew: HAR files of the reference
client at servers that were not written here, each started from its package on loopback. The client breaks no clause in
any of them. A row is one way to answer; *yes* where that server was seen to do so, and where one of {episodes} worlds
of ours does. What ours do not do is followed by the reason."""


@dataclass
class Recorder(Direct):
    """The way to servers of ours, all written down."""

    entries: list[Entry] = field(default_factory=list)

    def send(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answered:
        """Send one request."""
        answered = super().send(method, url, body, headers)
        self.entries.append(entry(method, url, body, headers or {}, answered))
        return answered


@cache
def ours() -> frozenset[Answer]:
    """All that our servers answer in a check of the reference client."""
    found: set[Answer] = set()
    for episode in islice(sample(0), EPISODES):
        running = Run(episode.plan, ModelOverHttp())
        session = running.session
        assert isinstance(session, OverHttp)
        assert isinstance(session.front.web, Direct)
        session.front.web = recorder = Recorder(session.front.web.http)
        running.play(*episode.steps)
        register_otherwise(session.front)
        found.update(answers(recorder.entries))
    return frozenset(found)


# Any: a HAR file's log, JSON that `play` wrote.
def recordings() -> dict[tuple[str, str], Any]:
    """What is recorded, by MCP server and play."""
    return {names: json.loads(place(*names).read_text("utf-8"))["log"] for names in product(MCP_SERVERS, PLAYS)}


def place(server: str, name: str) -> Path:
    """Where a play at an MCP server is recorded."""
    return RECORDED / f"{server}-{name}.har"


def seen() -> dict[str, list[Answer]]:
    """What each server was seen to answer, by its package and release, the authorization server first."""
    found: dict[str, list[Answer]] = {}
    for log in recordings().values():
        names = [f"{name} {version}" for name, version in log["_servers"].items()]
        observer = Observer()
        for each in log["entries"]:
            authorizes = each["request"]["url"].startswith(AS)
            for name, known in zip(names, (authorizes, not authorizes), strict=True):
                found.setdefault(name, []).extend(observer.observe(each) if known else ())
    return found


def table() -> str:
    """The table, as Markdown."""
    authorization_server, *mcp_servers = known = seen()
    lines = [_ABOUT.format(episodes=f"{EPISODES:,}")]
    for title, names in (("The authorization server", [authorization_server]), ("MCP servers", mcp_servers)):
        lines += ["", f"## {title}", "", _row(["what", "how", *names, "ours"]), _row(["---"] * (len(names) + 3))]
        for answer in sorted({answer for name in names for answer in known[name]}):
            lines.append(_row([*answer, *("yes" if answer in known[name] else "" for name in names), _ours(answer)]))
    return "\n".join(lines) + "\n"


def _ours(answer: Answer) -> str:
    return "yes" if answer in ours() else f"no: {NOT_OURS.get(answer, 'not looked into')}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the table; with --play, the recordings first."""
    parser = argparse.ArgumentParser(prog="python -m real.table", description=main.__doc__)
    parser.add_argument("--play", action="store_true", help="play everything anew, at servers from their packages")
    if parser.parse_args().play:
        folder = installed()
        RECORDED.mkdir(exist_ok=True)
        for server, name in product(MCP_SERVERS, PLAYS):
            place(server, name).write_text(play(name, server, folder), "utf-8")
    TABLE.write_text(table(), "utf-8")


if __name__ == "__main__":
    main()
