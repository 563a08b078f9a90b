"""The real servers as processes: installed from their lock file, started on loopback, ended whatever happens."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from scope_oracle.subjects import SubjectUnavailable
from scope_oracle.subjects.building import Manifest, build

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Program:
    """A server's program: how it is started, and the package that answers in it."""

    command: tuple[str, ...]
    package: str


AUTHORIZATION_SERVER: Final = Program(("node", "oidc_provider.mjs"), "oidc-provider")
MCP_SERVERS: Final[Mapping[str, Program]] = {
    "mcp_python": Program((sys.executable, "mcp_python.py"), "mcp"),
    "mcp_typescript": Program(("node", "mcp_typescript.mjs"), "@modelcontextprotocol/server"),
    "mcp_typescript_v1": Program(("node", "mcp_typescript_v1.mjs"), "@modelcontextprotocol/sdk"),
}

STARTING: Final = 60.0
_INSTALL: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def releases(server: str) -> dict[str, str]:
    """The authorization server's package and that of an MCP server, with the releases that are pinned."""
    pinned = json.loads((FOLDER / "servers" / "package.json").read_text("utf-8"))["dependencies"] | {
        "mcp": version("mcp")
    }
    return {name: pinned[name] for name in (AUTHORIZATION_SERVER.package, MCP_SERVERS[server].package)}


def installed() -> Path:
    """A folder with the servers' programs and packages; raises SubjectUnavailable where they cannot be had."""
    locked = Manifest(
        "servers", "JavaScript", "oidc-provider", "0", "0", ("node", "npm"), (_INSTALL,), (), (), "none", ()
    )
    return build(locked, None, lambda _: None, FOLDER).folder


@contextmanager
def serving(program: Program, folder: Path, options: Mapping[str, object]) -> Iterator[str]:
    """Start a server, and end it; gives its URL. Raises SubjectUnavailable with what it last said where it has none."""
    with TemporaryFile() as said:
        process = subprocess.Popen(
            [*program.command, json.dumps(options)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield _url(process.stdout, program, said)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdin.close()
            process.stdout.close()


def _url(out: IO[bytes], program: Program, said: IO[bytes]) -> str:
    ready, _, _ = select.select([out], [], [], STARTING)
    line = out.readline() if ready else b""
    if not line:
        said.seek(0)
        last = said.read().decode("utf-8", "replace").strip() or "nothing"
        raise SubjectUnavailable(f"{program.command[-1]} does not serve; it said: {last[-500:]}")
    return str(json.loads(line)["url"])
