"""Every way in: what a file holds is told by its content, and each client in it has a transcript of its own.

A HAR or a dump is held in memory, at most LARGEST bytes of it when unpacked: about three times its size, and up to
thirty times where all of it is one entry of empty lists. JSON lines are read as they come, each of at most LONGEST_LINE
bytes, and judged a few dozen behind. Time is linear in either.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Final, cast

from scope_model.events import Event, Header
from scope_oracle.exchange import shown
from scope_oracle.transcripts import UnusableTranscript, stream
from scope_spec import Revision

from . import har, mitmproxy
from .attribution import clients
from .exchanges import Exchange
from .redacting import Redactor
from .resources import Resources
from .survey import Survey
from .transcribing import Told, transcribe

LARGEST: Final = 1 << 30
LONGEST_LINE: Final = 1 << 20
_SEEN: Final = 1 << 16
_HAR: Final = re.compile(rb'\s*\{\s*"log"\s*:')
_DUMP: Final = re.compile(rb"\d{1,12}:")
_RESULT: Final = re.compile(rb'\{\s*"scopelaw"\s*:')
_BOM: Final = b"\xef\xbb\xbf"
_NONE: Final = "no recording, which is JSON lines, HAR or a dump of mitmproxy"


@dataclass(slots=True)
class Recorded:
    """One client of a recording: the events may come as they are read, and raise UnusableTranscript then."""

    header: Header
    events: Iterator[Event]
    notes: Sequence[str] = ()
    several: bool = False

    @property
    def client(self) -> str:
        """The name and version of the client."""
        version = self.header.client_version
        return self.header.client_name if version is None else f"{self.header.client_name} {version}"


def read(
    files: Sequence[tuple[IO[bytes], str]], revision: Revision | None = None, redactor: Redactor | None = None
) -> list[Recorded]:
    """Read a recording, of one file or several that belong together, redacted; raises UnusableTranscript, OSError.

    Each file comes with its name. A `revision` that is given is in force whatever a client spoke; else what it says
    that it speaks.
    """
    redactor = redactor or Redactor()
    file, name = files[0]
    unpacked = _unpacked(file)
    if len(files) == 1 and _form(unpacked, name) == "lines":
        _look_like_records(unpacked)
        header, events = stream(_lines(unpacked))
        found = [Recorded(header if revision is None else replace(header, revision=revision), events)]
    else:
        found = told(exchanges([(unpacked, name), *files[1:]]), revision)
    for recorded in found:
        recorded.events = redactor.events(recorded.events)
    return found


def exchanges(files: Sequence[tuple[IO[bytes], str]]) -> list[Exchange]:
    """The exchanges of HAR files and dumps that are one recording; raises UnusableTranscript, OSError."""
    found: list[Exchange] = []
    for file, name in files:
        unpacked = _unpacked(file)
        form = _form(unpacked, name)
        if form == "lines":
            wrong = "neither a HAR file nor a dump of mitmproxy, so it is no part of a recording"
            raise UnusableTranscript(wrong if len(files) == 1 else f"{shown(name)} is {wrong}")
        found += _exchanges(unpacked, form)
    return found


def told(recorded: Iterable[Exchange], revision: Revision | None = None) -> list[Recorded]:
    """The clients of a recording; raises UnusableTranscript."""
    survey = Survey(recorded)
    resources = Resources(survey)
    found, unclear = clients(survey, resources)
    each = [transcribe(client, survey, resources, revision) for client in found if client.calls or client.requests]
    if not each:
        raise UnusableTranscript("no call of a protected resource and no authorization request is in this recording")
    notes = ("nobody can tell whose some of the authorizations are, and they are not judged",) if unclear else ()
    return [
        Recorded(header, iter(one.transcript.events), (*one.notes, *notes), len(each) > 1)
        for one, header in zip(each, _named(each), strict=True)
    ]


def _named(each: Sequence[Told]) -> Iterator[Header]:
    """The headers of several clients, each with a name of its own."""
    seen: dict[tuple[str, str | None], int] = {}
    for one in each:
        header = one.transcript.header
        key = header.client_name, header.client_version
        seen[key] = seen.get(key, 0) + 1
        yield header if seen[key] == 1 else replace(header, client_name=f"{header.client_name} ({seen[key]})")


# --- forms ----------------------------------------------------------------------------------------


def _unpacked(file: IO[bytes]) -> io.BufferedReader:
    """A file as it was before it was packed, if it was."""
    # Whatever is open for reading has what a raw stream has, an object of io's own or not.
    reader = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    if reader.peek(2)[:2] != b"\x1f\x8b":
        return reader
    return io.BufferedReader(_Unpacking(reader), _SEEN)


def _form(file: io.BufferedReader, name: str) -> str:
    """What a file holds: by its first bytes, else by its name."""
    start = file.peek(_SEEN)[:_SEEN].removeprefix(_BOM)
    if _HAR.match(start):
        return "HAR"
    if _DUMP.match(start):
        return "dump"
    named = name.lower().removesuffix(".gz").endswith(".har")
    return "HAR" if named and not _is_header(start.lstrip().partition(b"\n")[0]) else "lines"


def _look_like_records(file: io.BufferedReader) -> None:
    """Refuse what is no transcript and was never meant to be, and say what it is good for."""
    start = file.peek(_SEEN)[:_SEEN].removeprefix(_BOM).lstrip()
    if _RESULT.match(start):
        raise UnusableTranscript(f"a result and {_NONE}; scopelaw report makes a page of what check printed")
    if start and not start.startswith(b"{"):
        raise UnusableTranscript(f"{_NONE}; scopelaw check package.module:name puts a client of your own under test")


def _is_header(line: bytes) -> bool:
    """Whether a line is that which a transcript starts with."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "transcript" in record


def _exchanges(file: io.BufferedReader, form: str) -> list[Exchange]:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UnusableTranscript(f"holds more than {LARGEST >> 20} MiB, too much to read at once")
    return har.read(data) if form == "HAR" else mitmproxy.read(data)


def _lines(file: io.BufferedReader) -> Iterator[bytes]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise UnusableTranscript(f"line {number}: longer than {LONGEST_LINE >> 20} MiB, too long to judge")
        yield line


class _Unpacking(io.RawIOBase):
    """A packed file whose every fault is one of the recording."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._inside = gzip.GzipFile(fileobj=packed, mode="rb")

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader hands over
        """Unpack as much as there is room for."""
        try:
            data = self._inside.read1(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile) as wrong:
            raise UnusableTranscript(f"packed with gzip, and broken: {str(wrong).lower().rstrip('.')}") from None
        buffer[: len(data)] = data
        return len(data)
