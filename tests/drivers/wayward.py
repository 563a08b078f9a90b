"""A driver that plays its part and does nothing, until one command makes it do something else.

Started as `python wayward.py COMMAND DEED [ARGUMENT]`. COMMAND is the name of a command, or `NAME:3` for the third of
that name; without a COMMAND nothing ever goes wrong.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

Command = dict[str, object]

HELLO = {
    "version": 1,
    "client": {"name": "wayward", "version": "0", "language": "Python"},
    "revisions": ["2025-11-25", "2026-07-28"],
}
USUAL: dict[object, dict[str, object]] = {
    "call": {"outcome": "refused", "error": "it does nothing"},
    "report": {"granted": None},
}
SLEEP = (sys.executable, "-ISc", "import time; time.sleep(600)")


def write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def answer(command: Command) -> None:
    name = command["command"]
    if name == "start":
        write(json.dumps(HELLO).encode())
    elif name != "stop":
        write(json.dumps({"seq": command["seq"], **USUAL.get(name, {"ok": True})}).encode())


def crash(_: Command, __: str) -> NoReturn:
    """End at once, with last words."""
    sys.exit("a bolt is loose")


def leave(command: Command, _: str) -> NoReturn:
    """Answer, and end without being told to."""
    answer(command)
    sys.stderr.write("so long")
    sys.exit()


def hang(_: Command, __: str) -> NoReturn:
    """Do nothing ever again."""
    while True:
        time.sleep(600)


def say(command: Command, line: str) -> None:
    """Answer with a given line, SEQ in it replaced."""
    write(os.fsencode(line).replace(b"SEQ", str(command.get("seq")).encode()))


def nest(_: Command, depth: str) -> None:
    """Answer with brackets within brackets."""
    write(b'{"seq":' + b"[" * int(depth) + b"]" * int(depth) + b"}")


def flood(command: Command, text: str) -> NoReturn:
    """Write one text to standard output for ever."""
    while True:
        say(command, text) if text.endswith("}") else os.write(1, text.encode() * 1000)


def grumble(_: Command, __: str) -> NoReturn:
    """Write to standard error for ever."""
    while True:
        os.write(2, b"why me? " * 1000)


def chatter(command: Command, _: str) -> None:
    """Write more to standard error than a pipe holds, then answer."""
    os.write(2, b"by the way, " * 100_000 + b"that was all")
    answer(command)


def deaf(command: Command, _: str) -> NoReturn:
    """Answer, then close standard input and live on."""
    os.close(0)
    answer(command)
    hang(command, "")


def mute(command: Command, _: str) -> NoReturn:
    """Close standard output and live on."""
    os.close(1)
    hang(command, "")


def breed(command: Command, note: str) -> None:
    """Start a process that goes on, in the same group; its id goes into a file."""
    Path(note).write_text(str(subprocess.Popen(SLEEP).pid))
    answer(command)


def release(command: Command, note: str) -> None:
    """Start a process that goes on, and leaves the group."""
    Path(note).write_text(str(subprocess.Popen(SLEEP, start_new_session=True).pid))
    answer(command)


def delay(command: Command, _: str) -> None:
    """Answer after the next command."""
    waiting.append(command)


DEEDS: dict[str, Callable[[Command, str], None]] = {
    deed.__name__: deed
    for deed in (crash, leave, hang, say, nest, flood, grumble, chatter, deaf, mute, breed, release, delay)
}
waiting: list[Command] = []


def main() -> None:
    """Answer commands until there are no more."""
    at, deed, argument = (*sys.argv[1:], "", "", "")[:3]
    seen: Counter[str] = Counter()
    for line in sys.stdin:
        command = json.loads(line)
        name = command["command"]
        seen[name] += 1
        if at in (name, f"{name}:{seen[name]}"):
            DEEDS[deed](command, argument)
            continue
        answer(command)
        while waiting:
            answer(waiting.pop())
        if name == "stop":
            return


if __name__ == "__main__":
    main()
