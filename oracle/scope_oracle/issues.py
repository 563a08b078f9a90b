"""Findings as issues: Markdown to paste where the authors of a client will read it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

from scope_model.events import ProtectedResourceMetadata, Transcript
from scope_spec import CLAUSES

from .causes import Cause, explained
from .exchange import Exchange, exchange_of, rests_on_metadata, token_names
from .messages import message
from .outcome import SAYS
from .reports import Found, Report
from .templating import TEMPLATES, fenced
from .terminal import exchange_text
from .wording import frequency, reading_line, replay_command

_WIDTH: Final = 100


def issue(report: Report, found: Found, cause: Cause | None = None) -> str:
    """A finding in Markdown: expected beside seen, the exchange, the messages, the clause, and the replay.

    Where its cause is known, the place in the source of that release, and what would repair it.
    """
    told = told_of(found)
    sent = sent_in(told)
    return TEMPLATES.get_template("issue.md").render(
        report=report,
        found=found,
        clause=CLAUSES[found.clause],
        says=SAYS[found.verdict],
        seen=f"{sent}\n{found.because}" if sent else found.because,
        exchange="" if told is None else "\n".join(line.plain for line in exchange_text(told, _WIDTH)),
        messages=messages_of(found),
        place="" if cause is None else explained(cause, str(report.version)),
        cause=cause,
        reading=list(reading_line(found.finding, report.readings)),
        frequency=frequency_of(report, found),
        replay=replay_of(report, found),
        version=version("scopelaw"),
        fenced=fenced,
    )


def told_of(found: Found) -> Exchange | None:
    """The exchange that shows a finding, where one alone does."""
    return None if found.transcript is None else exchange_of(found.transcript, found.finding)


def sent_in(told: Exchange | None) -> str:
    """What is accused, in a line."""
    marked = next((line for line in (told.lines if told else ()) if line.marks), None)
    if marked is None:
        return ""
    way = f"{marked.speaker} → {marked.hearer}" if marked.hearer else marked.speaker
    return f"{way}: {marked.says} {marked.aside}".rstrip()


def messages_of(found: Found) -> list[str]:
    """The messages of the step that is accused: what the client was last told, and what it then sent."""
    return [] if found.transcript is None else list(_step(found, found.transcript))


def _step(found: Found, transcript: Transcript) -> Iterator[str]:
    events, tokens = transcript.events, token_names(transcript.events)
    accused = found.event or 0
    told = [line.event for line in exchange_of(transcript, found.finding).lines if line.event < accused]
    # Metadata says what it always says, and is seldom what a client went by last.
    passed = () if rests_on_metadata(found.finding) else (ProtectedResourceMetadata,)
    heard = [at for at in told if not isinstance(events[at], passed) and message(events[at], tokens)]
    for at in (*heard[-1:], accused):
        text = message(events[at], tokens)
        if text is not None:
            yield text


def frequency_of(report: Report, found: Found) -> str:
    """In how many episodes a finding was found, where that was counted."""
    return "" if found.episodes is None else frequency(found.episodes, report.examples)


def replay_of(report: Report, found: Found) -> str:
    """The command that shows a finding again."""
    return replay_command(report.tested, report.readings, found.replay)
