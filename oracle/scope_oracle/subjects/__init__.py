"""What can be put under test, by the name that it has on the command line."""

from __future__ import annotations

from scope_model.policies import POLICIES
from scope_oracle.names import UnknownName
from scope_properties.episodes import ModelSubject, Subject

MODEL = "model"
PYTHON_SDK = "python-sdk"
SUBJECTS = (MODEL, PYTHON_SDK, *POLICIES)
"""Every name that `subject` knows."""


class SubjectUnavailable(Exception):
    """A subject that cannot be put under test here; the message says what to do about it."""


def subject(name: str) -> Subject:
    """The subject called `name`; raises UnknownName, or SubjectUnavailable where it is not installed."""
    if name == MODEL:
        return ModelSubject()
    if name == PYTHON_SDK:
        from scope_oracle.subjects.python_sdk import PythonSdk

        return PythonSdk()
    if name in POLICIES:
        return ModelSubject(POLICIES[name], label=name)
    raise UnknownName("subject", name, SUBJECTS)
