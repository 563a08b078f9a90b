"""What a setting that an SDK documents changes: the findings with it beside those without.

Both are put through the same episodes and judged by the same judge, one after the other; no trace is shortened, since
only what differs is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from scope_properties.episodes import Episode
from scope_properties.subjects import Subject
from scope_spec import Revision

from .checking import Alone, check, examiner
from .subjects import DriverFault, sdk_of
from .subjects.catalogue import settings_of
from .tally import Broken, Judged
from .wording import frequency

EXAMPLES: Final = 300
"""How many episodes each side is put through: what a setting changes shows in many of them."""

_ABOUT: Final = """\
Written by `python -m scope_oracle.scoreboard` from what is recorded beside this file. An SDK with a setting of its
driver is a subject beside the SDK without (`scopelaw check rust-sdk+initial-scope-selection`). Both were put through
the same generated episodes; a finding that only one of them shows is here, and any other is not."""

Opening = Callable[[str], AbstractContextManager[Subject]]
"""How to get a subject by its name."""

# Any: JSON, as `changes` makes it.
Changes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _AsFound:
    """A bench that leaves traces as long as they were found."""

    alone: Alone

    def judge(self, episodes: Iterable[Episode]) -> Iterator[Judged]:
        """Play each episode."""
        return self.alone.judge(episodes)

    def shorten(self, broken: Sequence[Broken], trials: int) -> Iterator[Broken]:  # noqa: ARG002 - as every bench has it
        """Shorten none."""
        return iter(broken)


def changes(
    name: str, opening: Opening, *, revision: Revision, examples: int = EXAMPLES, seed: int = 0
) -> dict[str, object]:
    """How often each finding is there without and with a setting, as JSON.

    Raises DriverFault where one of the two cannot be tried, and KeyboardInterrupt where that was interrupted.
    """
    form: dict[str, object] = {"subject": name, "revision": revision, "examples": examples, "seed": seed}
    for side, subject_name in (("without", sdk_of(name)), ("with", name)):
        with opening(subject_name) as subject:
            form["version"] = subject.version
            bench = _AsFound(Alone(examiner(subject, revision)))
            result = check(subject, revision=revision, examples=examples, seed=seed, bench=bench)
        if result.fault is not None:
            raise DriverFault(result.fault)
        if not result.complete:
            raise KeyboardInterrupt
        form[side] = {
            f"{broken.finding.clause}/{broken.finding.cause} {broken.finding.verdict}": broken.found_in
            for broken in result.broken
        }
    return form


def settings_page(recorded: Iterable[Changes]) -> str:
    """The findings that each recorded setting takes away or brings, as Markdown."""
    lines = ["# Settings", "", _ABOUT]
    for each in recorded:
        says = settings_of(sdk_of(each["subject"]))[each["subject"]]
        lines += ["", f"## {each['subject']} {each['version']}", "", says, "", *_differences(each)]
    return "\n".join(lines) + "\n"


def _differences(changed: Changes) -> Iterator[str]:
    without, with_it = changed["without"], changed["with"]
    differing = sorted(without.keys() ^ with_it.keys())
    if differing:
        yield from ("| finding | without | with |", "|---|---|---|")
    for name in differing:
        cells = [
            frequency(side[name], changed["examples"]) if name in side else "not found" for side in (without, with_it)
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    yield from ("", f"{len(without.keys() & with_it.keys())} findings are there either way. {_made(changed)}")


def _made(changed: Changes) -> str:
    return (
        f"Learnt in {changed['examples']} episodes at {changed['revision']}, with scopelaw "
        f"{changed['scopelaw_version']} on {changed['date']}."
    )
