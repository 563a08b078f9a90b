"""The house itself: who imports whom, what lies where, and that what is built can be installed and used."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "scope_spec": "spec",
    "scope_model": "model",
    "scope_judge": "properties",
    "scope_properties": "properties",
    "scope_oracle": "oracle",
}

# Beside the standard library and itself, this is all that a package may import.
MAY_IMPORT = {
    "scope_spec": set[str](),
    "scope_model": {"scope_spec", "typing_extensions"},
    "scope_judge": {"scope_spec", "scope_model", "typing_extensions"},
    "scope_properties": {"scope_spec", "scope_model", "scope_judge", "typing_extensions", "hypothesis"},
    "scope_oracle": {*ROOMS, "typing_extensions", "hypothesis", "click", "rich", "cattrs", "jinja2", "markupsafe"},
}
# The Python SDK and what it is made of, and what serves drivers. They are not installed with scopelaw, and the
# tests of the wheel below run without them: so whatever imports them must itself be imported late.
SUBJECTS_MAY_IMPORT = {"mcp", "httpx", "httpx2", "anyio", "pydantic", "uvicorn", "platformdirs"}

README_COMMANDS = {
    "check": "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/scopelaw check",
    "test": "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest",
}


EXTRAS = {"junit.py": {"junitparser"}, "sarif.py": {"sarif_pydantic"}, "pytest_plugin.py": {"pytest"}}
"""What else a module of the oracle may import, which is loaded by whoever asks for it."""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, away from this process's Python settings; return its output."""
    surroundings = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "MYPY", "PYTEST", "COVERAGE", "VIRTUAL_ENV"))
    }
    done = subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files() -> list[Path]:
    """Every file of the git tree, and every new one that is not ignored; from the root."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    return sorted(path for name in listed.split("\0") if name and (ROOT / (path := Path(name))).is_file())


def imported(module: Path) -> Iterator[str]:
    """Every absolute import of a module, wherever it stands."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


# Who imports whom


@pytest.mark.parametrize("package", ROOMS)
def test_imports_run_only_upwards(package: str) -> None:
    home = ROOT / ROOMS[package] / package
    allowed = sys.stdlib_module_names | MAY_IMPORT[package] | {package}
    strangers = {
        f"{module.relative_to(ROOT)} imports {name}"
        for module in home.rglob("*.py")
        if not {home / "drivers", home / "wrappers"} & {*module.parents}  # in environments of their own
        for name in imported(module)
        if name.partition(".")[0]
        not in allowed
        | EXTRAS.get(module.name, set())
        | (SUBJECTS_MAY_IMPORT if home / "subjects" in module.parents else set())
    }
    assert not strangers


def test_no_package_is_reached_through_its_room() -> None:
    # It would work from the repository's root, and yield a second copy of every class.
    rooms = "|".join(ROOMS.values())
    import_of_a_room = re.compile(
        rf"^\s*(?:>>> |\.\.\. )?(?:import (?:{rooms})\b|from (?:{rooms})(?: import|\.))", re.MULTILINE
    )
    texts = [path for path in files() if path.suffix in {".py", ".md"}]
    assert not [path for path in texts if import_of_a_room.search((ROOT / path).read_text("utf-8"))]


# What lies where


def test_the_top_level_is_what_was_planned() -> None:
    planned = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests", *ROOMS.values()}
    found = {path.parts[0] for path in files()}
    assert {name for name in found if not name.startswith(".")} == planned


def test_a_room_is_no_package() -> None:
    assert not [room for room in ROOMS.values() if (ROOT / room / "__init__.py").exists()]


def test_no_file_names_a_package_registry() -> None:
    # Where packages come from is for each user's own settings to say. In parts, not to name them here.
    hosts = [
        ".".join(parts).encode()
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("crates", "io"),
            ("proxy", "golang", "org"),
            ("maven", "org"),
            ("maven", "apache", "org"),
            ("deb", "debian", "org"),
            ("nuget", "org"),
        )
    ]
    # Cargo's lock file names the index of each crate, and cannot do without.
    contents = {path: (ROOT / path).read_bytes().lower() for path in files() if path.name != "Cargo.lock"}
    assert not [path for path, content in contents.items() if any(host in content for host in hosts)]


# What a reader is told to type


@pytest.mark.parametrize("name", README_COMMANDS)
def test_the_readme_has_its_commands(name: str) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme.count(f"<!-- {name} command -->\n```sh\n{README_COMMANDS[name]}\n```\n") == 1


def test_the_gate_runs_the_command_of_the_readme() -> None:
    commands = run("bash", ROOT / ".ci" / "run", "--dry-run", cwd=ROOT).splitlines()
    # After these it turns to the other line of the Python SDK, in a folder that it makes anew each time.
    assert commands[:5] == [
        f"+ {README_COMMANDS['test']}",
        "+ .venv/bin/ruff check",
        "+ .venv/bin/ruff format --check",
        "+ .venv/bin/mypy",
        "+ .venv/bin/scopelaw check --fail-on unspecified",
    ]


# What is built


@dataclass(frozen=True)
class Installed:
    """A wheel, installed into an environment that holds nothing else, and a folder far from the sources."""

    wheel: Path
    bin: Path
    elsewhere: Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the source distribution, from that the wheel, and install it as a user would."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return Installed(wheel, programs, elsewhere)


def test_the_wheel_holds_the_packages_and_nothing_else(installed: Installed) -> None:
    names = {name for name in zipfile.ZipFile(installed.wheel).namelist() if ".dist-info/" not in name}
    sources = {path.relative_to(path.parts[0]).as_posix() for path in files() if path.parts[0] in ROOMS.values()}
    assert names == sources
    assert names >= {"scope_spec/clauses.toml", "scope_spec/readings.toml"}
    assert names >= {f"{package}/py.typed" for package in ROOMS}
    assert [name for name in names if re.fullmatch(r"scope_spec/.*\.md", name)]


def test_the_installed_command_says_its_version(installed: Installed) -> None:
    assert "0.1.0" in run(installed.bin / "scopelaw", "--version", cwd=installed.elsewhere)


def test_the_installed_command_explains_a_clause(installed: Installed) -> None:
    assert "ACC-1" in run(installed.bin / "scopelaw", "explain", "ACC-1", cwd=installed.elsewhere)


def test_the_installed_command_checks_the_reference_model(installed: Installed) -> None:
    assert run(installed.bin / "scopelaw", "check", "--examples", "20", cwd=installed.elsewhere)


def test_a_consumer_type_checks_strictly(installed: Installed) -> None:
    # Were the packages' types lost, the last line's ignore would be unused, which --strict refuses.
    consumer = installed.elsewhere / "consumer.py"
    consumer.write_text(
        "\n".join([*(f"import {package}" for package in ROOMS), "from scope_model.scopes import ScopeSet"])
        + f"\n\nprint({', '.join(ROOMS)})\nwrong: int = ScopeSet  # type: ignore[assignment]\n",
        "utf-8",
    )
    settings = installed.elsewhere / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\n", "utf-8")
    python = installed.bin / "python"
    run(
        *(sys.executable, "-m", "mypy", "--config-file", settings, "--python-executable", python, consumer),
        cwd=installed.elsewhere,
    )


def test_no_file_holds_both_sides_of_a_merge() -> None:
    ours = [path for folder in ("", *ROOMS.values(), "tests") for path in (ROOT / folder).glob("*.md")]
    ours += [path for folder in {*ROOMS.values(), "tests"} for path in (ROOT / folder).rglob("*.py")]
    assert len(ours) > len(ROOMS)
    marks = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
    assert [path.name for path in ours if marks.search(path.read_text("utf-8"))] == []


# What is depended on


def test_every_dependency_of_a_user_has_a_tested_upper_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    needed = [*project["dependencies"], *optional["python-sdk"], *optional["drivers"]]
    assert [each for each in needed if "<" not in each] == []


def test_what_the_python_driver_installs_is_pinned_by_its_hash() -> None:
    text = (ROOT / "oracle" / "scope_oracle" / "drivers" / "python-sdk" / "requirements.txt").read_text("utf-8")
    packages = text.replace("\\\n", " ").splitlines()
    assert packages
    assert [each for each in packages if "==" not in each or "--hash=sha256:" not in each] == []


def test_what_an_older_release_of_the_python_sdk_is_installed_with_is_pinned() -> None:
    folder = ROOT / "oracle" / "scope_oracle" / "drivers" / "python-sdk"
    pins = [line for line in (folder / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert pins
    assert [pin for pin in pins if "==" not in pin] == []
    installs = [
        command
        for command in tomllib.loads((folder / "driver.toml").read_text("utf-8"))["release"]
        if "install" in command
    ]
    assert all("constraints.txt" in command for command in installs)


def test_coverage_is_measured_of_the_model_and_the_judge_branch_by_branch() -> None:
    coverage = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["coverage"]["run"]
    assert coverage == {"branch": True, "source": ["model/scope_model", "properties/scope_judge"]}
    assert "--cov --cov-report=term-missing" in (ROOT / ".ci" / "run").read_text("utf-8")
