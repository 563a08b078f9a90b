"""Transcripts as JSON lines: a header, the events in the order in which they happened, a footer.

    {"transcript": 1, "revision": "2026-07-28", "client": {"name": "mine"}}
    {"event": "authorization_request", "scope": "a b"}
    {"end": true, "events": 1}

The members and their types are those of the dataclasses of `scope_model.events`; a member that has its
default value is left out, `null` counts as left out, and members that nobody knows are ignored. All else that
departs from the form makes a transcript unusable: half a record would be judged as if it were the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import reduce
from operator import or_
from types import MappingProxyType, NoneType
from typing import Any, Final, Literal, NoReturn, cast, get_args, get_origin, get_type_hints

from scope_model.events import CallStarted, Event, Header, Transcript
from scope_spec import REVISIONS

from .names import UnknownName

FORMAT: Final = 1
"""The number in the header's `transcript` member."""

_LONGEST_NAME: Final = 80
"""Likeness is sought for no more characters than that: it takes quadratic time."""


class UnusableTranscript(ValueError):
    """What was read is no transcript; the text says in one sentence where and why."""


# --- the members, read off the dataclasses --------------------------------------------------------


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError("a string")


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise TypeError("a list of strings")


def _text_or_texts(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise TypeError("a string or a list of strings")


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError("true or false")


def _whole_number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():  # to JSON, 401.0 is 401
        return int(value)
    raise TypeError("a whole number")


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise TypeError(f"one of {', '.join(words)}")

    return read


# Any: the keys are types and unions of types, which have no common type that mypy knows.
_READERS: Final[Mapping[Any, Callable[[object], object]]] = MappingProxyType(
    {
        str: _text,
        int: _whole_number,
        bool: _flag,
        tuple[str, ...]: _texts,
        str | tuple[str, ...]: _text_or_texts,
    }
)


def _reader(hint: Any) -> Callable[[object], object]:  # noqa: ANN401 - a type hint
    if get_origin(hint) is not tuple and len(get_args(hint)) > 1 and NoneType in get_args(hint):
        hint = reduce(or_, (part for part in get_args(hint) if part is not NoneType))
    return _one_of(get_args(hint)) if get_origin(hint) is Literal else _READERS[hint]


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of record is read and written: its members' readers and defaults, in order."""

    makes: Callable[..., Any]  # Any: an event class, or the header's
    readers: Mapping[str, Callable[[object], object]]
    required: tuple[str, ...]
    defaults: Mapping[str, object]

    @classmethod
    def of(cls, kind: type) -> Form:
        """Read the form off a dataclass."""
        hints = get_type_hints(kind)
        return cls(
            kind,
            {field.name: _reader(hints[field.name]) for field in fields(kind)},
            tuple(field.name for field in fields(kind) if field.default is MISSING),
            {field.name: field.default for field in fields(kind)},
        )

    def read(self, record: Mapping[str, object]) -> Any:  # noqa: ANN401 - what the form makes
        """Make what a record describes; raises ValueError with what is wrong."""
        values = {}
        for name, value in record.items():
            reader = self.readers.get(name)
            if reader is not None and value is not None:
                try:
                    values[name] = reader(value)
                except TypeError as wrong:
                    if name == "revision" and isinstance(value, str):
                        raise _unknown(name, value, REVISIONS) from None
                    raise ValueError(f"{name.replace('client_', 'client.')} must be {wrong}") from None
        for name in self.required:
            if name not in values:
                raise ValueError(f"{name} is missing")
        return self.makes(**values)

    def write(self, what: object) -> dict[str, object]:
        """The members that differ from their defaults."""
        values = ((name, getattr(what, name)) for name in self.defaults)
        return {name: value for name, value in values if value != self.defaults[name]}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _unknown(kind: str, name: str, known: Iterable[str]) -> ValueError:
    return ValueError(str(UnknownName(kind, name[:_LONGEST_NAME], known)))


NAMES: Final[Mapping[type[Event], str]] = MappingProxyType(
    {kind: _snake_case(kind.__name__) for kind in get_args(Event)} | {CallStarted: "call"}
)
"""The name of each event in a transcript."""

FORMS: Final[Mapping[str, Form]] = MappingProxyType({name: Form.of(kind) for kind, name in NAMES.items()})
"""The form of each event, by its name."""

HEADER: Final = Form.of(Header)
_CLIENT: Final = {"client_name": "name", "client_version": "version"}


# --- reading --------------------------------------------------------------------------------------


def read(lines: Iterable[str | bytes]) -> Transcript:
    """Read a whole transcript; raises UnusableTranscript."""
    header, events = stream(lines)
    return Transcript(header, tuple(events))


def stream(lines: Iterable[str | bytes]) -> tuple[Header, Iterator[Event]]:
    """Read the header, and give the events as they are read, each in time and space of its own.

    Raises UnusableTranscript here or while the events are taken: trust none of them before the last.
    """
    numbered = _records(lines)
    first = next(numbered, None)
    if first is None:
        raise _at(1, "the transcript is empty")
    number, kind, record = first
    if kind != "transcript":
        raise _at(number, 'a transcript starts with its header, {"transcript": 1, "revision": …}')
    try:
        header = _header(record)
    except ValueError as wrong:
        raise _at(number, wrong) from None
    return header, _events(number, numbered)


_Record = tuple[int, str, dict[str, object]]


def _events(number: int, numbered: Iterator[_Record]) -> Iterator[Event]:
    count, last = 0, number
    for last, kind, record in numbered:
        if kind == "end":
            _footer(last, record, count)
            for after, _, _ in numbered:
                raise _at(after, "the transcript goes on after its footer")
            return
        try:
            if kind == "transcript":
                raise ValueError("a second header; a file holds one transcript")  # noqa: TRY301 - one way out
            event: Event = _form(record["event"]).read(record)
        except ValueError as wrong:
            raise _at(last, wrong) from None
        yield event
        count += 1
    raise _at(last, f'cut short: the footer, {{"end": true, "events": {count}}}, is missing')


def _form(name: object) -> Form:
    if not isinstance(name, str):
        raise ValueError("event must be a string")  # noqa: TRY004 - all that is wrong here is a ValueError
    if name not in FORMS:
        raise _unknown("event", name, FORMS)
    return FORMS[name]


def _header(record: dict[str, object]) -> Header:
    version, client = record["transcript"], record.get("client")
    if isinstance(version, bool) or version != FORMAT:
        raise ValueError(f"transcript must be {FORMAT}, the version of the form that is known here")
    if client is None:
        client = {}
    if not isinstance(client, dict):
        raise ValueError("client must be an object")  # noqa: TRY004 - all that is wrong here is a ValueError
    return cast("Header", HEADER.read({**record, **{name: client.get(short) for name, short in _CLIENT.items()}}))


def _footer(number: int, record: dict[str, object], count: int) -> None:
    said = record.get("events")
    if record["end"] is not True:
        raise _at(number, "end must be true")
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise _at(number, "events must be a whole number")
    if said != count:
        raise _at(number, f"the footer counts {said} events, and there are {count}")


_KINDS: Final = ("transcript", "event", "end")


def _records(lines: Iterable[str | bytes]) -> Iterator[_Record]:
    """Every line that is not blank: its number, which of three kinds it is, and the object in it."""
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode() if isinstance(line, bytes) else line
            if number == 1:
                text = text.removeprefix("\ufeff")
            if not text or text.isspace():
                continue
            record = _JSON.decode(text.strip(" \t\r\n"))
        except UnicodeDecodeError:
            raise _at(number, "not UTF-8") from None
        except RecursionError:
            raise _at(number, "nested too deeply") from None
        except json.JSONDecodeError as wrong:
            problem = wrong.msg[:1].lower() + wrong.msg[1:]
            raise _at(number, f"not JSON: {problem}") from None
        except ValueError:  # thousands of digits
            raise _at(number, "holds a number too long to read") from None
        if not isinstance(record, dict):
            raise _at(number, "not a JSON object")
        kinds = [kind for kind in _KINDS if record.get(kind) is not None]
        if len(kinds) != 1:
            raise _at(number, f"has {' and '.join(kinds)} at once" if kinds else "has no event, and no end either")
        yield number, kinds[0], record


def _at(number: int, wrong: object) -> UnusableTranscript:
    return UnusableTranscript(f"line {number}: {wrong}")


def _no_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"there is no {name} in JSON", "", 0)


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)


# --- writing --------------------------------------------------------------------------------------


def write(transcript: Transcript) -> Iterator[str]:
    """The lines of a transcript, each with its line end."""
    return (json.dumps(record) + "\n" for record in records(transcript))


def records(transcript: Transcript) -> Iterator[dict[str, object]]:
    """The lines of a transcript as objects."""
    header = transcript.header
    yield {
        "transcript": FORMAT,
        "revision": header.revision,
        "client": {short: value for name, short in _CLIENT.items() if (value := getattr(header, name)) is not None},
    } | {name: value for name, value in HEADER.write(header).items() if name not in _CLIENT and name != "revision"}
    for event in transcript.events:
        name = NAMES[type(event)]
        yield {"event": name, **FORMS[name].write(event)}
    yield {"end": True, "events": len(transcript.events)}
