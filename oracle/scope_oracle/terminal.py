"""Reports as text for a terminal: exchanges in columns, findings, results, histories and differences."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from scope_judge.findings import Finding
from scope_model.events import Header, Transcript, WireScope
from scope_properties.episodes import Plan

from .checking import Result
from .comparing import Difference
from .exchange import Exchange, calls_behind, exchange, exchange_of, listed, printable, rests_on_metadata, shown
from .expecting import Met, written
from .explaining import Notes
from .history import History, Life
from .outcome import SEVERITY, Row, left_out, rows, summary
from .tally import Broken, Kind
from .wording import also_line, fault, frequency, reading_line, replay_command, rule, tested

_STYLES: Final[Mapping[str, str]] = {
    "violates": "bold red",
    "discouraged": "yellow",
    "unspecified": "cyan",
    "holds": "green",
    "not reached": "dim",
}

_WIDEST: Final = 46
"""Where the column of what is said ends at the latest, so that one long line does not spread all others."""


def exchange_text(told: Exchange, width: int) -> Iterator[Text]:
    """An exchange in aligned columns, each mark beside its line where there is room, else below."""
    speakers = max((len(line.speaker) for line in told.lines), default=0)
    hearers = max((len(line.hearer) for line in told.lines), default=0)
    said = min(max((len(line.says) for line in told.lines if line.aside), default=0), _WIDEST)
    for name, what in told.cast.items():
        yield Text(f"  {name} is {what}", style="dim")
    for line in told.lines:
        start = f"  {line.speaker:<{speakers}}  {'→' if line.hearer else ' '}  {line.hearer:<{hearers}}  "
        row = Text(start + f"{line.says:<{said}}")
        if line.aside:
            row.append(f"  {line.aside}", style="dim")
        row.rstrip()
        below: list[Text] = [Text(" " * len(start) + more) for more in line.more]
        for mark in line.marks:
            if not below and "←" not in row.plain and len(row) + len(mark) + 4 <= width:
                row.append(f"  ← {mark}", style="bold red")
            else:
                below += hanging(len(start) * " " + "↑ ", mark, width, "bold red")
        yield row
        yield from below


def hanging(label: str, text: str, width: int, style: str = "") -> list[Text]:
    """A text that hangs from its label, within a width."""
    room = max(width - len(label), 24)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [
        Text((label if first else " " * len(label)) + line, style=style)
        for first, line in zip([True] + [False] * (len(lines) - 1), lines, strict=True)
    ]


def apart(parts: Iterable[Iterable[Text]]) -> Iterator[Text]:
    """Whatever parts say something, with a blank line between two."""
    before = False
    for part in parts:
        lines = list(part)
        if before and lines:
            yield Text()
        yield from lines
        before = before or bool(lines)


def findings_text(found: Iterable[Broken], *, readings: Mapping[str, str], width: int) -> Iterator[Text]:
    """Findings in full, the worst first and those of one trace together, which is told once for what it accuses."""
    return apart(broken_text(each, readings=readings, width=width, seen=seen) for each, seen in _in_order(found))


def _in_order(found: Iterable[Broken]) -> Iterator[tuple[Broken, Broken | None]]:
    """Findings as they are told, each with the one that told its trace before, if it accuses the same message."""
    left = sorted(found, key=lambda each: -SEVERITY[each.finding.verdict])
    while left:
        first, *others = left
        same = [each for each in others if _share_a_trace(first, each)]
        left = [each for each in others if each not in same]
        for each in (first, *same):
            yield each, first if each is not first and each.finding.event == first.finding.event else None


def _share_a_trace(one: Broken, other: Broken) -> bool:
    return not one.of_the_run and not other.of_the_run and one.transcript == other.transcript


def broken_text(
    broken: Broken, *, readings: Mapping[str, str], width: int, seen: Broken | None = None
) -> Iterator[Text]:
    """What a check found, in full: as a finding with its trace.

    In a sentence where only the whole run shows it, or where its trace was `seen` under another finding.
    """
    told = broken.finding.because if broken.of_the_run else None
    if seen is not None:
        told = f"{broken.finding.because}: the message that {fault(seen.finding)} accuses above"
    return finding_text(
        broken.finding,
        broken.transcript,
        readings=readings,
        replay=broken.replay or None,
        width=width,
        told=told,
        found=frequency(broken.found_in, broken.out_of),
        also=broken.also,
    )


def finding_text(
    finding: Finding,
    transcript: Transcript,
    *,
    readings: Mapping[str, str],
    replay: str | None,
    width: int,
    told: str | None = None,
    found: str | None = None,
    also: Iterable[Kind] = (),
) -> Iterator[Text]:
    """One finding in full: the exchange that leads to it, why it is one, and how to see it again.

    `told` is what is said in place of the exchange, `found` how often it was found, and `also` what else is there.
    """
    header = transcript.header
    title = Text(f"{fault(finding)}  ", style="bold")
    title.append(finding.verdict, style=_STYLES[finding.verdict])
    yield title.append(f"  {_client(header)}", style="not bold")
    if told is None:
        yield from exchange_text(exchange_of(transcript, finding), width)
    else:
        yield from hanging("  ", told, width)
    yield from hanging("  because:  ", rule(finding.clause, header.revision), width)
    for line in reading_line(finding, readings):
        yield from hanging("  reading:  ", line, width)
    if found is not None:
        yield Text(f"  found:    {found}")
    for line in also_line(also):
        yield from hanging("  also:     ", line, width)
    if replay is not None:
        # Never wrapped: it is there to be copied.
        yield Text(f"  replay:   {replay_command(tested(header), readings, replay)}")


def transcript_text(
    transcript: Transcript, findings: Sequence[Finding], *, readings: Mapping[str, str], width: int
) -> Iterator[Text]:
    """A whole transcript with all that was found in it, and the rules behind."""
    header = transcript.header
    yield Text(f"{_client(header)}, {header.revision}", style="bold")
    marks: dict[int, list[str]] = {}
    for finding in findings:
        marks.setdefault(finding.event, []).append(f"{fault(finding)} {finding.verdict}: {finding.because}")
    told = exchange(
        transcript,
        marks,
        shows_metadata=any(rests_on_metadata(finding) for finding in findings),
        calls=frozenset[int]().union(*(calls_behind(transcript, finding) for finding in findings)),
    )
    yield from exchange_text(told, width)
    if not findings:
        yield Text("  nothing found", style="green")
    for clause in dict.fromkeys(finding.clause for finding in findings):
        yield from hanging(f"  {clause}:  ", rule(clause, header.revision), width)
    for line in dict.fromkeys(line for finding in findings for line in reading_line(finding, readings)):
        yield from hanging("  reading:  ", line, width)


def _client(header: Header) -> str:
    return " ".join(filter(None, (shown(header.client_name), shown(header.client_version or ""))))


def result_text(result: Result, *, readings: Mapping[str, str], width: int) -> Iterator[Text]:
    """A row a clause, then each finding in full, the worst first, then what it comes to."""
    ran, counts, not_judged = summary(result)
    table = rows(result)
    found = (each for row in table for each in row.broken)
    hindered = (line for sentence in left_out(result) for line in hanging("", sentence, width))
    return apart(
        (
            [Text(ran, style="bold")],
            _table_text(table, width),
            findings_text(found, readings=readings, width=width),
            [Text(counts), *hindered, *hanging("", not_judged, width, "dim")],
        )
    )


def _table_text(table: Sequence[Row], width: int) -> Iterator[Text]:
    clauses = max(len(row.clause.id) for row in table)
    states = max(len(row.says) for row in table)
    yield Text(f"  {'clause':<{clauses}}  {'':<{states}}  reached", style="dim")
    for row in table:
        line = Text(f"  {row.clause.id:<{clauses}}  ")
        line.append(f"{row.says:<{states}}", style=_STYLES[row.verdict or row.state])
        line.append(f"  {row.reached or '':>7}  {row.clause.title}")
        line.truncate(max(width, 60), overflow="ellipsis")
        yield line


def met_text(subject: str, met: Met, failing: Sequence[Broken], *, quiet: bool = False) -> Iterator[Text]:
    """How a result compares with what was expected: what is known, what no longer happens, and what is new."""
    for broken, expected in () if quiet else met.known:
        known = f"{fault(broken.finding)} {broken.finding.verdict}"
        yield Text(f"expected: {known} ({shown(expected.reason)})", style="dim")
    for expected in met.gone:
        yield Text(f"no longer happens: {expected.named} ({shown(expected.reason)})", style="yellow")
    if failing:
        yield Text("new, and to be added where it is to be borne with:")
        for line in written(subject, failing):
            yield Text(line)


def history_text(subject: str, history: History) -> Iterator[Text]:
    """A row for each finding: from which release on, and until which."""
    yield Text(f"{subject}, {history.releases[0]} to {history.releases[-1]}", style="bold")
    yield Text(f"  ran {', '.join(history.ran)}", style="dim")
    for release, because in history.useless.items():
        yield Text(f"  passed over {release}: {because}", style="dim")
    column = max((len(fault(life.broken.finding)) for life in history.lives), default=0)
    for life in history.lives:
        finding = life.broken.finding
        line = Text(f"  {fault(finding):<{column}}  ")
        line.append(f"{finding.verdict:<12}", style=_STYLES[finding.verdict])
        found = frequency(life.broken.found_in, life.broken.out_of)
        yield line.append(f"  {life_line(life, history):<16}  {found}: {finding.because}")


def life_line(life: Life, history: History) -> str:
    """From which release on a finding is seen, and until which."""
    if life.gone is None:
        return "in all" if life.first == history.releases[0] else f"since {life.first}"
    return f"{life.gone} is the first run without it" if history.passed_over(life) else f"gone in {life.gone}"


def difference_text(difference: Difference | None, left: str, right: str, *, width: int) -> Iterator[Text]:
    """The world in which two subjects differ, then what each does in it, up to the request that differs."""
    if difference is None:
        yield Text(f"no difference found: {left} and {right} ask for the same scopes", style="green")
        return
    yield Text(f"{left} and {right} differ", style="bold")
    yield from _world_text(difference.episode.plan, width)
    asked = [_asked(at, scope) for at, scope in zip(difference.events, difference.requested, strict=True)]
    for side, name in enumerate((left, right)):
        transcript, at = difference.transcripts[side], difference.events[side]
        mark = f"{asked[side]}; {(right, left)[side]} {asked[1 - side]}"
        yield Text()
        yield Text(name, style="bold")
        yield from exchange_text(exchange(transcript, {} if at is None else {at: (mark,)}, until=at), width)
        if at is None:
            yield from hanging("  ↑ ", mark, width, "bold red")
        for finding in difference.found[side]:
            yield from hanging("  found:    ", f"{fault(finding)}, {finding.verdict}: {finding.because}", width)
        yield Text(f"  replay:   {replay_command(name, {}, difference.replay)}")


def _asked(at: int | None, scope: WireScope) -> str:
    if at is None:
        return "asks no more"
    match scope:
        case None:
            return "leaves scope out"
        case str():
            return f"asks for {shown(scope) or 'the empty scope'}"
        case _:
            return f"asks for {shown(' and '.join(scope))}, in several parameters"


def _world_text(plan: Plan, width: int) -> Iterator[Text]:
    """The servers of a plan and how its client is set up, in a line each."""
    servers = plan.servers
    for resource in servers.resources.values():
        needs = "; ".join(f"{name} needs {needed or 'nothing'}" for name, needed in resource.needs.items())
        about = f"its metadata {listed(resource.scopes_supported)} and names {resource.issuer}"
        yield from hanging("  server:  ", f"{resource.resource}: {needs}; {about}", width, "dim")
    for issuer in servers.issuers.values():
        default = f"grants {issuer.default or 'nothing'} where nothing is asked"
        about = f"{issuer.issuer}: its metadata {listed(issuer.scopes_supported)}; it {default}"
        yield from hanging("  AS:      ", about, width, "dim")
    configured = "no scopes configured" if plan.configured is None else f"configured with {plan.configured}"
    refresh = "wants" if plan.wants_refresh_token else "does not want"
    about = f"{configured}; {refresh} refresh tokens; {plan.grant_type}; {plan.revision}"
    yield from hanging("  client:  ", about, width, "dim")


def explanation_text(name: str, title: str, notes: Notes, width: int) -> Iterator[Text]:
    """Something in full: its name, its title, and a paragraph for each thing that is known of it."""
    yield Text(f"{name}  {title}".rstrip(), style="bold")
    before = None
    for label, text in notes:
        yield from hanging(f"  {'' if label == before else label:<12}  ", text, width)
        before = label


_PLAIN: Final = str.maketrans({"→": "->", "←": "<-", "↑": "^", "…": "...", "∪": "+", "⊆": "<="})


def show(console: Console, lines: Iterable[Text]) -> None:
    """Print lines as they are: not wrapped, and in ASCII where the terminal knows no more.

    Whatever came from elsewhere is printable, wherever it was forgotten before.
    """
    unicode = console.encoding.lower().startswith("utf")
    for line in lines:
        if not line.plain.isprintable():
            line.plain = printable(line.plain)
        if not unicode:
            line.plain = line.plain.translate(_PLAIN)
        console.print(line, soft_wrap=True)
