"""Reports as one HTML page: a row a clause, which opens into its traces."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from scope_spec import CLAUSES

from .checking import Result
from .exchange import Line, exchange_of
from .outcome import Row, left_out, rows, summary
from .tally import Broken, Kind, kind_of
from .wording import fault, frequency, reading_line, replay_command, rule, tested

_PAGE: Final = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root { color-scheme: light dark; --dim: #666; --good: #197a35; --bad: #c62828; --so: #8a5d00; }
@media (prefers-color-scheme: dark) { :root { --dim: #999; --good: #5fc77c; --bad: #ff7b72; --so: #e3b341; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; }
summary, .row { display: grid; grid-template-columns: 6.5rem 13rem 4.5rem 1fr; gap: .8rem; }
summary, .row { padding: .25rem .4rem; }
summary { cursor: pointer; }
summary:hover, summary:focus-visible { background: #8882; }
details, .row { border-top: 1px solid #8884; }
.n { text-align: right; color: var(--dim); font-variant-numeric: tabular-nums; }
.holds { color: var(--good); } .violates { color: var(--bad); font-weight: 600; }
.discouraged { color: var(--so); font-weight: 600; } .unspecified { font-weight: 600; }
.dim, .not-reached { color: var(--dim); }
.trace { overflow-x: auto; margin: .5rem 0 1rem 1rem; }
table { border-collapse: collapse; font: .85rem/1.6 ui-monospace, monospace; }
td { padding: 0 .9rem 0 0; white-space: pre; vertical-align: top; }
td.mark { color: var(--bad); white-space: normal; min-width: 14rem; }
td.more { white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: .85rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 5.5rem 1fr; margin: .5rem 0; }
dt { color: var(--dim); } dd { margin: 0; }
@media (max-width: 40rem) {
  summary, .row { grid-template-columns: 5rem 1fr 3rem; }
  .title { grid-column: 1 / -1; }
}
</style>
</head>
<body>
<h1>$title</h1>
<p>$counts</p>
<main>
$rows
</main>
<p class="dim">$apart</p>
</body>
</html>
""")


def result_html(result: Result, *, readings: Mapping[str, str]) -> str:
    """A result as one page without scripts: a row a clause, which opens into its trace."""
    ran, counts, apart = summary(result)
    reported = {kind_of(broken.finding) for broken in result.broken}
    return _PAGE.substitute(
        title=escape(f"scopelaw: {ran}"),
        counts="<br>".join(map(escape, (counts, *left_out(result)))),
        apart=escape(apart),
        rows="\n".join(_row_html(row, readings, reported) for row in rows(result)),
    )


def _row_html(row: Row, readings: Mapping[str, str], reported: Container[Kind]) -> str:
    cells = (
        f"<span>{row.clause.id}</span>"
        f'<span class="{row.verdict or row.state.replace(" ", "-")}">{row.says}</span>'
        f'<span class="n">{row.reached}</span><span class="title">{escape(row.clause.title)}</span>'
    )
    if not row.broken:
        return f'<div class="row">{cells}</div>'
    traces = "".join(_broken_html(broken, readings, reported) for broken in row.broken)
    return f'<details id="{row.clause.id}"><summary>{cells}</summary>{traces}</details>'


def _broken_html(broken: Broken, readings: Mapping[str, str], reported: Container[Kind]) -> str:
    finding, header = broken.finding, broken.transcript.header
    told = f"<p>{escape(finding.because)}</p>" if broken.of_the_run else _exchange_html(broken)
    command = replay_command(tested(header), readings, broken.replay)
    notes = [
        ("fault", f"{fault(finding)}, {finding.verdict}"),
        ("because", escape(rule(finding.clause, header.revision))),
    ]
    notes += [("reading", escape(line)) for line in reading_line(finding, readings)]
    notes.append(("found", frequency(broken.found_in, broken.out_of)))
    if broken.also:
        others = ", ".join(_pointer(kind, reported) for kind in broken.also)
        notes.append(("also", f"the same trace shows {others}"))
    notes += [
        (
            "sources",
            ", ".join(_link(each.document, each.section, each.link) for each in CLAUSES[finding.clause].sources),
        ),
        ("replay", f"<code>{escape(command)}</code>"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in notes)
    return f'<div class="trace" id="{_anchor(kind_of(finding))}">{told}<dl>{listed}</dl></div>'


def _exchange_html(broken: Broken) -> str:
    told = exchange_of(broken.transcript, broken.finding)
    lines = "".join(_line_html(line) for line in told.lines)
    cast = "".join(f"<p>{escape(name)} is {escape(what)}</p>" for name, what in told.cast.items())
    return f"{cast}<table>{lines}</table>"


def _anchor(kind: Kind) -> str:
    return "-".join(kind)


def _pointer(kind: Kind, reported: Container[Kind]) -> str:
    clause, verdict, cause = kind
    text = f"{clause}/{cause} ({verdict})"
    return f'<a href="#{_anchor(kind)}">{text}</a>' if kind in reported else text


def _link(document: str, section: str, link: str) -> str:
    return f'<a href="{escape(link)}">{escape(f"{document}, {section}")}</a>'


def _line_html(line: Line) -> str:
    marks = escape("; ".join(line.marks))
    cells = (
        f"<td>{line.speaker}</td><td>{'→' if line.hearer else ''}</td><td>{line.hearer}</td>"
        f'<td>{escape(line.says)}</td><td class="dim">{escape(line.aside)}</td>'
    )
    # A header may be long: in a row of its own it pushes no mark out of sight.
    more = "".join(
        f'<tr><td colspan="3"></td><td colspan="3" class="more">{escape(each)}</td></tr>' for each in line.more
    )
    return f"<tr>{cells}<td class='mark'>{'← ' + marks if marks else ''}</td></tr>{more}"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: whoever reads it meanwhile sees the old one."""
    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
        path.write_text(text, "utf-8", "backslashreplace")
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, "utf-8", "backslashreplace")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
