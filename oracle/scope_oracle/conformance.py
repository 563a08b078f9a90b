"""The conformance clients of released SDKs beside their drivers: what each of them shows, and why they differ.

`python -m scope_oracle.conformance SDK COMMIT PATH COMMAND [EXAMPLES]` checks the conformance client that COMMAND
starts: that of PATH in the SDK's repository at COMMIT, unchanged, built against the release that is recorded of its
driver. It records what was found. Each finding of the driver alone is then tried on it: the driver's shortest trace is
played, as far as a conformance client can be put through it. Without arguments it writes results/conformance.md from
what is recorded there; the tests fail where that is not current. Nothing in the page is written by hand but the reasons
that no run can give, which are in results/conformance.toml.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from scope_judge.findings import DEFAULT_READINGS
from scope_model.events import AUTHORIZATION_CODE
from scope_properties.episodes import (
    Episode,
    EpisodeStep,
    MakeCall,
    OverlapCalls,
    ReportGrant,
    RestartClient,
)
from scope_spec import REVISIONS

from .checking import Alone, check, examiner
from .forms import finding_json, result_json
from .jobs import Jobs, processes
from .outcome import counts_told
from .page import write_whole
from .replays import episode_of
from .scoreboard import RESULTS, recorded
from .subjects import DriverFault, SubjectUnavailable, commanded
from .subjects.command import MOST_CALLS, SCENARIO, STAGES, that_can_be_served
from .tally import Kind, kind_of

RECORDS: Final = RESULTS / "conformance"
"""Where conformance clients are recorded, one file an SDK."""

PAGE: Final = RESULTS / "conformance.md"
REASONS: Final = RESULTS / "conformance.toml"
"""The reasons that no run can give."""

_REVISION: Final = REVISIONS[-1]
_ABOUT: Final = """\
Written by `python -m scope_oracle.conformance`. Each SDK has a conformance client in its repository, for the official
suite. It was built, unchanged, against the release that is on the [scoreboard](scoreboard.md), and put through
`scopelaw check --command`; the findings are set beside those that were recorded of the SDK's driver. A conformance
client makes one run an episode, with the scopes, the registration and the user that its authors gave it. What the
driver alone shows was tried on it: the shortest trace was played, as far as one run can be put through it."""

# Any: JSON, whose form is that of forms.result_json, with what `record` adds to it.
Form = Mapping[str, Any]


def record(
    sdk: str, commit: str, path: str, command: str, *, results: Path = RECORDS, examples: int | None = None
) -> None:
    """Check a conformance client, try on it what its driver alone shows, and keep the result with its date.

    Raises DriverFault where the check ends by one, and KeyboardInterrupt where it is interrupted.
    """
    driver = driver_of(sdk)
    opening = partial(commanded, command, _REVISION)
    with opening() as client, Jobs(opening, processes(), _REVISION, DEFAULT_READINGS, costly=True) as bench:
        result = check(client, revision=_REVISION, examples=examples, bench=bench)
        if result.fault is not None:
            raise DriverFault(result.fault)
        if not result.complete:
            raise KeyboardInterrupt
        found = {kind_of(broken.finding) for broken in result.broken}
        alone, tried = Alone(examiner(client, _REVISION)), []
        for kind, replay in _replays(driver).items():
            if kind not in found:
                episode = episode_of(replay)
                shown = kind in alone.judge_one(client.playable(as_called(episode))).broken
                clause, verdict, cause = kind
                told = {"clause": clause, "verdict": verdict, "cause": cause, "shown": shown}
                tried.append(told | {"without": list(lost(episode))})
    form = result_json(result, readings=DEFAULT_READINGS) | {
        "subject": sdk,
        "version": driver["version"],
        "client": {"commit": commit, "path": path, "scenario": scenario_of(command)},
        "findings": [finding_json(broken.finding) | {"replay": broken.replay} for broken in result.broken],
        "tried": tried,
        "date": datetime.now(UTC).date().isoformat(),
    }
    results.mkdir(exist_ok=True)
    write_whole(results / f"{sdk}.json", json.dumps(form, indent=1) + "\n")


def scenario_of(command: str) -> str:
    """The scenario that a client is asked for: another one where its command says so."""
    said = re.search(r"\bMCP_CONFORMANCE_SCENARIO=(\S+)", command)
    return said[1] if said else SCENARIO


def driver_of(sdk: str) -> Form:
    """What is recorded of the newest release behind the driver of an SDK."""
    return [release.result for release in recorded() if release.subject == sdk][-1]


def _replays(form: Form) -> dict[Kind, str]:
    return {_kind(each): each["replay"] for each in form["findings"]}


def _kind(each: Form) -> Kind:
    return each["clause"], each["verdict"], each["cause"]


def as_called(episode: Episode) -> Episode:
    """The same, with the servers in the order in which they are called: one run has the first."""
    servers = episode.plan.servers
    called = [step.call.resource for step in episode.steps if isinstance(step, MakeCall)]
    resources = {name: servers.resources[name] for name in dict.fromkeys((*called, *servers.resources))}
    return replace(episode, plan=replace(episode.plan, servers=replace(servers, resources=resources)))


def lost(episode: Episode) -> Iterator[str]:
    """What of an episode a client of one run cannot be put through, in words."""
    plan, steps = episode.plan, episode.steps
    calls = [step for step in steps if isinstance(step, MakeCall)]
    if plan.grant_type != AUTHORIZATION_CODE:
        yield "a client without a user"
    if plan.configured is not None:
        yield "configured scopes"
    if plan.registration != "dynamic":
        yield "another registration"
    yield from dict.fromkeys(_BEYOND_A_RUN[type(step)] for step in steps if type(step) in _BEYOND_A_RUN)
    if len({step.call.resource for step in calls}) > 1:
        yield "several servers"
    if any(that_can_be_served(step) != step for step in calls[:-1]):
        yield "what an earlier call is not served after"
    if len(calls) > MOST_CALLS:
        yield f"more than {MOST_CALLS} calls"
    if any(step.call in {later.call for later in calls[at:]} for at, step in enumerate(calls[: len(STAGES) - 1], 1)):
        yield "an operation other than the tool that is called again"


_BEYOND_A_RUN: Final[Mapping[type[EpisodeStep], str]] = {
    OverlapCalls: "calls that overlap",
    RestartClient: "a restart",
    ReportGrant: "the client's own account",
}


# --- the page -------------------------------------------------------------------------------------


def reasons() -> dict[tuple[str, Kind], str]:
    """The reasons that no run can give, by the SDK and the kind of finding."""
    known = tomllib.loads(REASONS.read_text("utf-8"))["difference"]
    return {(each["sdk"], (each["clause"], each["verdict"], each["fault"])): each["reason"] for each in known}


def unexplained(form: Form) -> list[Kind]:
    """The differences that need a reason: what the client alone shows, and what it does not although it might."""
    driver = _replays(driver_of(form["subject"]))
    alone = [kind for kind in _replays(form) if kind not in driver]
    return alone + [_kind(each) for each in form["tried"] if _why(each) is None]


def forms(results: Path = RECORDS) -> list[Form]:
    """What is recorded, SDK by SDK."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]


def page() -> str:
    """Each client beside its driver, as Markdown."""
    lines = ["# Conformance clients", "", _ABOUT]
    for form in forms():
        lines += ["", *_section(form)]
    return "\n".join(lines) + "\n"


def _section(form: Form) -> Iterator[str]:
    sdk, client, said = form["subject"], form["client"], reasons()
    driver = _replays(driver_of(sdk))
    both = [kind for kind in _replays(form) if kind in driver]
    yield f"## {sdk} {form['version']}"
    yield ""
    yield f"`{client['path']}` at `{client['commit']}`, {form['date']}."
    yield f"Scenario {client['scenario']}; {form['examples']} episodes, seed {form['seed']}."
    yield ""
    yield _counts(form)
    yield ""
    named = ", ".join(f"{clause}/{fault} {verdict}" for clause, verdict, fault in both)
    yield f"Found of both ({len(both)}): {named or 'nothing'}."
    yield ""
    yield "| finding | found of | why |"
    yield "|---|---|---|"
    for kind in _replays(form):
        if kind not in driver:
            yield _line(kind, "the client", said[sdk, kind])
    for each in form["tried"]:
        yield _line(_kind(each), "the driver", _why(each) or said[sdk, _kind(each)])


def _counts(form: Form) -> str:
    beyond = sum(row.get("out_of_reach", False) for row in form["clauses"])
    never = f" Never called: {', '.join(form['uncalled'])}." if form["uncalled"] else ""
    return f"{counts_told(form['counts'], beyond)}: a client of one run does not come that far.{never}"


def _why(each: Form) -> str | None:
    """Why the driver alone shows a finding, where the trial of its trace says so."""
    if each["shown"]:
        return "The client shows it, too, where it is put through this trace: none of its episodes was like it."
    without = each["without"]
    return f"The trace takes {' and '.join(without)}." if without else None


def _line(kind: Kind, side: str, why: str) -> str:
    clause, verdict, fault = kind
    return f"| {clause}/{fault} {verdict} | {side} | {why} |"


def main(arguments: Sequence[str]) -> int:
    """Record a client where one is named, else write the page; ends with 2 where nothing can be recorded."""
    try:
        if arguments:
            sdk, commit, path, command, *examples = arguments
            record(sdk, commit, path, command, examples=int(examples[0]) if examples else None)
        else:
            write_whole(PAGE, page())
    except (DriverFault, SubjectUnavailable) as wrong:
        print(f"conformance: {wrong}", file=sys.stderr)  # noqa: T201 - its output
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
