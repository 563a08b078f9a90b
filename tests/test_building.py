"""Building drivers: once for each release, never by halves, and one sentence where it cannot be done."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from threading import Barrier, Thread
from typing import Final

import pytest

from processes import BOUND, ends
from scope_model.events import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE
from scope_oracle.subjects import DRIVEN, SubjectUnavailable, building
from scope_oracle.subjects.building import Built, build, drivers, manifest

MANIFEST: Final = """
name = "tiny"
language = "Python"
package = "tiny-sdk"
version = "1.0"
releases = "0.9"
needs = {needs}
locked = [["{{python}}", "make.py", "1.0"]]
release = [{before}["{{python}}", "make.py", "{{version}}"]]
run = ["./made"]
configured_mode = "none"
grant_types = ["authorization_code"]
"""

MAKE: Final = """
import sys
if sys.argv[1] not in ("1.0", "1.1"):
    sys.exit("looking for it\\nthere is no tiny-sdk " + sys.argv[1])
open("made", "x").write(sys.argv[1])
"""

# It interrupts the build that it is part of, and goes on.
INTERRUPTS: Final = """
import os, pathlib, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({note!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
pathlib.Path("made").touch()
os.kill(os.getppid(), signal.SIGINT)
time.sleep(600)
"""

# It fails where another does the same in its folder at the same time.
TAKES_ITS_TIME: Final = """
import os, time
os.mkdir("busy")
time.sleep(0.3)
os.rmdir("busy")
open("made", "x").write("1.0")
"""


class Workshop:
    """The folder of one driver, and all that is said while it is built."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.said: list[str] = []
        source.mkdir(parents=True)
        self.write()

    def write(self, make: str = MAKE, *, needs: str = "[]", before: str = "") -> None:
        (self.source / "driver.toml").write_text(MANIFEST.format(needs=needs, before=before), "utf-8")
        (self.source / "make.py").write_text(make, "utf-8")

    def build(self, release: str | None = None) -> Built:
        return build(manifest("tiny"), release, self.said.append)

    def refuses(self, release: str | None = None) -> str:
        """The one sentence on why nothing is built."""
        with pytest.raises(SubjectUnavailable) as caught:
            self.build(release)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A driver of our own, and a cache of its own."""
    monkeypatch.setattr(building, "DRIVERS", tmp_path / "drivers")
    monkeypatch.setattr(building, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return Workshop(tmp_path / "drivers" / "tiny")


def test_a_driver_is_built_once(workshop: Workshop) -> None:
    built = workshop.build()
    assert built.command == ("./made",)
    assert (built.folder / "made").read_text() == "1.0"
    assert workshop.build("1.0") == workshop.build("v1.0") == built
    assert workshop.said == ["building tiny 1.0: {python} make.py 1.0"]
    assert not (workshop.source / "made").exists()


def test_each_release_is_built_beside_the_others(workshop: Workshop) -> None:
    one, other = workshop.build(), workshop.build("1.1")
    assert [(each.folder / "made").read_text() for each in (one, other)] == ["1.0", "1.1"]
    assert workshop.build() == one
    assert len(workshop.said) == 2


def test_a_driver_that_changes_is_built_anew(workshop: Workshop) -> None:
    before = workshop.build()
    workshop.write(MAKE + "# changed")
    after = workshop.build()
    assert before.folder != after.folder
    assert len(workshop.said) == 2


def test_what_an_installation_compiles_is_no_change(workshop: Workshop) -> None:
    before = workshop.build()
    (workshop.source / "__pycache__").mkdir()
    (workshop.source / "__pycache__" / "make.pyc").write_bytes(b"compiled")
    assert workshop.build() == before


def test_a_missing_tool_is_named(workshop: Workshop) -> None:
    workshop.write(needs='["no-such-tool", "sh", "nor-this"]')
    assert workshop.refuses() == "tiny is built with no-such-tool and nor-this, which is not installed here"


@pytest.mark.parametrize("release", ["latest", "../1.0", "1.0/..", "-1", "v", "1.0 2.0", "1.0\n", "٣"])
def test_what_is_no_release_is_not_looked_for(workshop: Workshop, release: str) -> None:
    says = repr(release.removeprefix("v"))
    assert workshop.refuses(release) == f"{says} is no release of tiny-sdk: one looks like 1.0"
    assert workshop.said == []


def test_a_release_that_does_not_exist_is_told_in_the_words_of_who_looked_for_it(workshop: Workshop) -> None:
    sentence = workshop.refuses("9.9")
    step = f"{sys.executable} make.py 9.9"
    assert sentence.startswith(
        f"cannot build tiny 9.9: {step} ended with 1: looking for it there is no tiny-sdk 9.9 (all of it is in "
    )
    log = Path(sentence.rpartition(" ")[2].rstrip(")"))
    assert log.read_text() == "looking for it\nthere is no tiny-sdk 9.9\n"


def test_a_build_that_fails_with_many_words_is_told_by_its_last_lines_and_the_ends_of_each(workshop: Workshop) -> None:
    workshop.write('import sys; sys.exit("first\\n" * 2 + "\\n".join(f"{at} {at * 300} ends" for at in "abcdefg"))')
    said = workshop.refuses("9.9").partition(" ended with 1: ")[2]
    assert said.startswith(f"b {'b' * 98} … {'b' * 95} ends c ")
    assert said.count(" … ") == 6
    assert "first" not in said


def test_a_build_that_failed_is_tried_again(workshop: Workshop) -> None:
    workshop.refuses("9.9")
    workshop.refuses("9.9")
    assert len(workshop.said) == 2


def test_a_command_that_is_not_there_is_a_sentence(workshop: Workshop) -> None:
    workshop.write(before='["./absent"], ')
    assert re.fullmatch(r"cannot build tiny 1\.1: .*No such file or directory: '\./absent'", workshop.refuses("1.1"))


def test_a_cache_that_cannot_be_used_is_a_sentence(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("this is no folder")
    assert workshop.refuses().startswith("cannot build tiny 1.0: ")


def test_an_interrupted_build_is_not_taken_for_built_and_leaves_no_process(workshop: Workshop, tmp_path: Path) -> None:
    note = tmp_path / "note"
    workshop.write(INTERRUPTS.format(note=str(note)))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            workshop.build()
    assert len(workshop.said) == 2
    assert [ends(int(pid)) for pid in note.read_text().split()] == [True, True]


def test_two_who_build_the_same_at_once_build_it_once(workshop: Workshop) -> None:
    workshop.write(TAKES_ITS_TIME)
    start, built = Barrier(2), list[Built]()

    def make() -> None:
        start.wait(BOUND)
        built.append(workshop.build())

    builders = [Thread(target=make) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(BOUND)
    assert len(built) == 2
    assert built[0] == built[1]
    assert len(workshop.said) == 1


# --- the drivers that there are -------------------------------------------------------------------


def test_every_sdk_that_is_named_has_a_driver() -> None:
    assert sorted(DRIVEN) == list(drivers())


@pytest.mark.parametrize("name", drivers())
def test_the_manifest_of_a_driver_is_well_formed(name: str) -> None:
    driver = manifest(name)
    assert driver.name == name
    assert driver.language
    assert driver.package
    assert all(building._RELEASE.fullmatch(release) for release in (driver.version, driver.releases))  # noqa: SLF001
    assert driver.run
    assert driver.locked
    assert {AUTHORIZATION_CODE} <= set(driver.grant_types) <= {AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE}
    words = [word for command in (*driver.locked, *driver.release) for word in command]
    assert set(re.findall(r"\{(\w+)\}", " ".join(words))) <= {"version", "python", "cache"}
    assert any("{version}" in word for command in driver.release for word in command)
    assert not any("{version}" in word for command in driver.locked for word in command)
    assert (building.DRIVERS / name / "README.md").is_file()
