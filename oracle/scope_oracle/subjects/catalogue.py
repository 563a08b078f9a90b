"""The clients that can be put under test, as the folders of their drivers and wrappers describe them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from . import BUILT, DRIVEN, sdk_of


# Any: TOML, whose form is that of building.Manifest.
@cache
def described(sdk: str) -> dict[str, Any]:
    """What the folder of a client says."""
    folder, file = ("drivers", "driver.toml") if sdk in DRIVEN else ("wrappers", "wrapper.toml")
    return tomllib.loads(files("scope_oracle").joinpath(folder, sdk, file).read_text("utf-8"))


def settings_of(sdk: str) -> dict[str, str]:
    """What each setting of a client is, by the name that it has on the command line."""
    return {f"{sdk}+{setting}": says for setting, says in described(sdk).get("settings", {}).items()}


def names() -> tuple[str, ...]:
    """Each client, followed by its settings."""
    return tuple(name for sdk in BUILT for name in (sdk, *settings_of(sdk)))


def listed() -> Iterator[tuple[str, str]]:
    """Each name, with what it is in a line."""
    for sdk in BUILT:
        yield sdk, f"{described(sdk)['package']} {described(sdk)['version']}, {described(sdk)['language']}"
        yield from settings_of(sdk).items()


def notes(name: str) -> Iterator[tuple[str, str]]:
    """What is known of a client or of a setting, each with what it is."""
    sdk = sdk_of(name)
    if name != sdk:
        yield from (("says", settings_of(sdk)[name]), ("setting of", sdk))
        return
    known = described(sdk)
    yield "package", f"{known['package']}, {known['language']}"
    yield "releases", f"{known['version']} where no other is named, and from {known['releases']} on"
    for setting, says in settings_of(sdk).items():
        yield "settings", f"{setting}: {says}"
