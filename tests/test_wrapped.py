"""Wrappers: what their folders say, how their clients are started, and the browser that brings the answer to them."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from processes import BOUND
from scope_oracle.subjects import WRAPPED, DriverFault, browser, building
from scope_oracle.subjects.building import Built, recipe, wrappers
from scope_oracle.subjects.wrapped import wrapped

LATE = 0.3
"""Seconds that an application takes to listen after its browser was opened."""


class Listener(HTTPServer):
    """Answers every GET with a redirect, or with nothing to follow, and keeps the paths."""

    def __init__(self, port: int, location: str | None) -> None:
        self.location, self.paths = location, list[str]()
        super().__init__(("127.0.0.1", port), Answer)


class Answer(BaseHTTPRequestHandler):
    """One answer of a `Listener`."""

    server: Listener

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(200 if self.server.location is None else 302)
        if self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
        """Say nothing."""


@contextmanager
def listening(location: str | None, port: int = 0) -> Iterator[Listener]:
    with Listener(port, location) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def application() -> Iterator[subprocess.Popen[bytes]]:
    """A client that does nothing, in a process group of its own."""
    with subprocess.Popen(["sleep", str(BOUND)], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def closed_port() -> int:
    """A port on which nobody listens."""
    with Listener(0, None) as server:
        return server.server_port


def open_browser(process: subprocess.Popen[bytes], url: str) -> None:
    subprocess.run([sys.executable, "-IS", browser.__file__, str(process.pid), url], check=True)


def test_the_browser_waits_until_the_application_listens() -> None:
    port = closed_port()
    back = f"http://127.0.0.1:{port}/callback?code=1&state=2"
    with application() as process, listening(back) as issuer:
        open_browser(process, f"http://127.0.0.1:{issuer.server_port}/authorize?scope=a+b")
        sleep(LATE)
        with listening(None, port) as client:
            for _ in range(int(BOUND / 0.01)):
                if client.paths:
                    break
                sleep(0.01)
        assert issuer.paths == ["/authorize?scope=a+b"]
        assert client.paths == ["/callback?code=1&state=2"]
        assert process.poll() is None


def test_a_user_who_is_sent_nowhere_closes_the_application() -> None:
    with application() as process, listening(None) as issuer:
        open_browser(process, f"http://127.0.0.1:{issuer.server_port}/authorize?scope=a")
        assert process.wait(BOUND) == -signal.SIGTERM


def test_a_user_whose_application_never_listens_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "LISTENING", LATE)
    back = f"http://127.0.0.1:{closed_port()}/callback"
    with application() as process, listening(back) as issuer:
        browser.main(process.pid, f"http://127.0.0.1:{issuer.server_port}/authorize?scope=a")
        assert process.wait(BOUND) == -signal.SIGTERM


def test_a_browser_does_not_outlive_its_application() -> None:
    back = f"http://127.0.0.1:{closed_port()}/callback"
    with application() as process, listening(back) as issuer:
        process.kill()
        process.wait()
        with pytest.raises(ProcessLookupError):
            browser.bring_back(f"http://127.0.0.1:{issuer.server_port}/authorize?scope=a", process.pid)


CLIENT = """
import os, sys, urllib.request, webbrowser
told = [os.getcwd(), os.environ["TMPDIR"], os.environ["BROWSER"], os.environ["APPLICATION"], str(os.getpgid(0))]
open("told", "w").write("\\n".join(told))
open(os.path.join(os.environ["TMPDIR"], "kept"), "w").close()
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], b'{"id": 1, "method": "initialize"}'))
except OSError:
    pass
"""


def test_a_wrapped_client_runs_in_its_folder_and_leaves_no_file_behind(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "client.py").write_text(CLIENT, "utf-8")
    tiny = Built((sys.executable, "client.py"), folder, "1.0")
    # It follows no redirect, so that it is no client; but it was started.
    with pytest.raises(DriverFault, match="did not follow the authorization redirect"), wrapped("tiny", tiny):
        pass
    started_in, desk, opener, group, own_group = (folder / "told").read_text("utf-8").splitlines()
    assert Path(started_in).samefile(folder)
    assert Path(opener) == Path(desk) / "xdg-open"
    assert group == own_group
    assert not Path(desk).exists()


# --- the wrappers that there are ------------------------------------------------------------------


def test_every_client_that_is_named_has_a_wrapper() -> None:
    assert sorted(WRAPPED) == list(wrappers())


@pytest.mark.parametrize("name", wrappers())
def test_the_recipe_of_a_wrapper_is_well_formed(name: str) -> None:
    known = recipe(name)
    assert known.name == name
    assert known.language
    assert known.package
    assert all(building._RELEASE.fullmatch(release) for release in (known.version, known.releases))  # noqa: SLF001
    words = [word for command in (*known.locked, *known.release) for word in command]
    assert set(re.findall(r"\{(\w+)\}", " ".join(words))) <= {"version", "python"}
    assert any("{version}" in word for command in known.release for word in command)
    assert not any("{version}" in word for command in known.locked for word in command)
    assert (building.WRAPPERS / name / "README.md").is_file()


@pytest.mark.parametrize("name", wrappers())
def test_a_wrapper_is_small(name: str) -> None:
    (program,) = (building.WRAPPERS / name).glob("client.*")
    assert len(program.read_text("utf-8").splitlines()) <= 75


@pytest.mark.parametrize("name", wrappers())
def test_a_wrapper_locks_the_release_that_it_names(name: str) -> None:
    folder, known = building.WRAPPERS / name, recipe(name)
    locked = folder / ("requirements.txt" if known.language == "Python" else "package-lock.json")
    pinned = f"\n{known.package}=={known.version}\n" if known.language == "Python" else f'"{known.version}"'
    assert pinned in "\n" + locked.read_text("utf-8")
