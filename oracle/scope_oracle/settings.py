"""What a setting that an SDK documents changes: the findings with it beside those without, both as recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .reports import UNNAMED
from .subjects import sdk_of
from .subjects.building import manifest
from .tally import Kind
from .wording import frequency

_ABOUT: Final = """\
Written by `python -m scope_oracle.scoreboard` from the results recorded beside this file. An SDK with a setting of its
driver is a subject beside the SDK without (`scopelaw check rust-sdk+initial-scope-selection`): both were put through
the same generated episodes, and what differs between them is here."""

# Any: JSON, whose form is that of forms.result_json.
Result = Mapping[str, Any]


def settings_page(with_settings: Sequence[Result], without: Sequence[Result]) -> str:
    """The findings that each recorded setting takes away or brings, as Markdown."""
    plain = {(each["subject"], each["version"]): each for each in without}
    lines = ["# Settings", "", _ABOUT]
    for result in with_settings:
        sdk = sdk_of(result["subject"])
        lines += ["", f"## {result['subject']} {result['version']}", "", _says(result["subject"]), ""]
        beside = plain.get((sdk, result["version"]))
        lines += ["Nothing is recorded of this release without it."] if beside is None else _differences(result, beside)
    return "\n".join(lines) + "\n"


def _says(subject: str) -> str:
    sdk, _, setting = subject.partition("+")
    return manifest(sdk).settings[setting]


def _differences(result: Result, beside: Result) -> Iterator[str]:
    yield f"{_ran(result)} with it, and {_ran(beside)} without."
    found = [{_kind(each): each for each in side["broken"]} for side in (beside, result)]
    differing = sorted(found[0].keys() ^ found[1].keys())
    if differing:
        yield from ("", "| finding | without | with |", "|---|---|---|")
    for clause, verdict, cause in differing:
        cells = [
            frequency(side[clause, verdict, cause]["episodes"], whole["examples"])
            if (clause, verdict, cause) in side
            else "not found"
            for side, whole in zip(found, (beside, result), strict=True)
        ]
        yield f"| {clause}/{cause} {verdict} | {' | '.join(cells)} |"
    yield from ("", f"{len(found[0].keys() & found[1].keys())} findings are there either way.")


def _ran(result: Result) -> str:
    return f"{result['examples']} episodes at {result['revision']} on {result['date']}"


def _kind(found: Mapping[str, Any]) -> Kind:
    return found["clause"], found["verdict"], found.get("cause", UNNAMED)
