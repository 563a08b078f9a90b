"""The planted bugs, by the chapters of the specification."""

from types import MappingProxyType
from typing import Final

from planted.bugs import (
    challenges,
    grant,
    isolation,
    offline_access,
    refresh,
    retries,
    scopes,
    selection,
    step_up,
)

CHAPTERS: Final = (scopes, challenges, selection, step_up, grant, refresh, offline_access, retries, isolation)

BUGS: Final = MappingProxyType({bug.name: bug for chapter in CHAPTERS for bug in chapter.BUGS})
"""By name, in order."""
