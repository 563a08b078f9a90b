"""What can be put under test, by the name that it has on the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib import import_module
from operator import attrgetter
from typing import Final, cast

from scope_oracle.names import UnknownName
from scope_oracle.releases import NAMED
from scope_properties.model_subject import ModelSubject
from scope_properties.subjects import Subject
from scope_spec import Revision

MODEL = "model"
PYTHON_SDK = "python-sdk"
DRIVEN = (PYTHON_SDK, "typescript-sdk", "typescript-sdk-v1", "go-sdk", "rust-sdk")
"""The SDKs that have a driver, each in a folder of that name."""

WRAPPED = ("ai-sdk-mcp", "fastmcp", "gemini-cli", "mcp-inspector", "mcp-remote")
"""The clients that have a wrapper, each in a folder of that name."""

BUILT = (*DRIVEN, *WRAPPED)
"""What has releases."""

SUBJECTS = (MODEL, *BUILT, *NAMED)
"""Every name that `subject` knows."""


_LONGEST: Final = 300
"""How much of somebody else's error is told."""


class SubjectUnavailable(Exception):
    """A subject that cannot be put under test here; the message says what to do about it."""


class DriverFault(Exception):
    """A driver broke the contract; the message says how, and what it last wrote to standard error."""


def sdk_of(name: str) -> str:
    """The SDK of a subject's name, without the setting that it may have."""
    return name.partition("+")[0]


def silent(_: str) -> None:
    """Say nothing."""


def subject(
    name: str, release: str | None = None, say: Callable[[str], None] = silent
) -> AbstractContextManager[Subject]:
    """The subject called `name`, there for as long as its context; `say` is told of what takes long.

    The Python SDK is the installed one, in this process, unless a `release` or a setting is named: `SDK+SETTING` is the
    SDK with a setting of its driver. Raises UnknownName, or SubjectUnavailable where something is missing that it
    needs.
    """
    if sdk_of(name) in BUILT and (name != PYTHON_SDK or release is not None):
        try:
            return _built(name, release, say)
        except ModuleNotFoundError as missing:
            raise _without_drivers(name, missing) from missing
    if ":" not in name and name not in SUBJECTS:
        raise UnknownName("subject", name, SUBJECTS, "a client of your own goes by package.module:name")
    if release is not None:
        raise SubjectUnavailable(f"{name} has no releases")
    if ":" in name:
        return nullcontext(imported(name))
    if name == MODEL:
        return nullcontext(ModelSubject())
    if name == PYTHON_SDK:
        from scope_oracle.subjects.python_sdk import PythonSdk

        return nullcontext(PythonSdk())
    return nullcontext(ModelSubject(NAMED[name], label=name))


def imported(name: str) -> Subject:
    """The subject at `package.module:name`, or what a callable there makes; raises SubjectUnavailable.

    The folder that the command is run in is looked at first, as by Python itself. A client that plays in this process
    is called what was typed, so that the command of a report is one that can be run.
    """
    from scope_oracle.subjects.application import InProcess

    module, _, attribute = name.partition(":")
    if module.endswith(".py") or set(module) & {"/", os.sep}:
        raise SubjectUnavailable(f"{name} begins with a file; a client of your own goes by package.module:name")
    sys.path.insert(0, "")
    try:
        found = attrgetter(attribute)(import_module(module))
        if callable(found) and isinstance(found, type) == _plays(found):
            found = found()
    except (Exception, SystemExit) as wrong:
        raise SubjectUnavailable(f"cannot import {name}: {brief(wrong)}") from wrong
    finally:
        sys.path.remove("")
    subject = checked_subject(found, name)
    return replace(subject, name=name) if isinstance(subject, InProcess) else subject


def checked_subject(found: object, called: str) -> Subject:
    """What was given as a subject, if it is one; raises SubjectUnavailable."""
    if isinstance(found, type) or not _plays(found):
        raise SubjectUnavailable(f"{called} is no subject; from_httpx_auth and in_process make one of a client")
    return cast("Subject", found)  # whoever gives it says what it is; what a Subject has was looked for


def _plays(found: object) -> bool:
    return all(hasattr(found, member) for member in ("open", "playable", "grant_types"))


def brief(wrong: BaseException) -> str:
    """An error of somebody else's, on one line that is not too long."""
    return " ".join(f"{type(wrong).__name__}: {wrong}".split())[:_LONGEST]


def _built(name: str, release: str | None, say: Callable[[str], None]) -> AbstractContextManager[Subject]:
    from scope_oracle.subjects.building import build, manifest, recipe
    from scope_oracle.subjects.driver import Driven
    from scope_oracle.subjects.wrapped import wrapped

    if name in WRAPPED:
        return wrapped(name, build(recipe(name), release, say))
    sdk, _, setting = name.partition("+")
    driver = manifest(sdk)
    if setting and setting not in driver.settings:
        raise UnknownName(f"setting of {sdk}", setting, driver.settings)
    built = build(driver, release, say)
    return Driven(name, built.command, driver, built.folder, built.release, setting=setting or None)


def commanded(command: str, revision: Revision, say: Callable[[str], None] = silent) -> AbstractContextManager[Subject]:
    """The conformance client that `command` starts, tried in a revision, there for as long as its context."""
    try:
        from scope_oracle.subjects.command import Command
    except ModuleNotFoundError as missing:
        raise _without_drivers("a command", missing) from missing
    say("trying the command")
    return Command(command, revision)


def _without_drivers(what: str, missing: ModuleNotFoundError) -> SubjectUnavailable:
    return SubjectUnavailable(f"{what} needs {missing.name}: pip install 'scopelaw[drivers]'")
