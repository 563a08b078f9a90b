"""Replays: an episode as a short text that can be pasted into a command line, and back."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any, Final

import cattrs
from cattrs.errors import CattrsError
from cattrs.strategies import configure_tagged_union

from scope_model.scopes import ScopeSet, scopes
from scope_model.servers import Named
from scope_properties.episodes import Episode, EpisodeStep
from scope_properties.model_subject import ModelSubject
from scope_properties.runs import run

_LARGEST: Final = 1_000_000
"""How many bytes of JSON a replay may hold: an episode takes a few thousand at the most."""


class BadReplay(ValueError):
    """A text that is no replay; says why in one sentence."""


def replay_of(episode: Episode) -> str:
    """The episode as text: JSON without defaults, compressed, in the URL-safe base64 alphabet."""
    plain = json.dumps(_CONVERTER.unstructure(episode), separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(plain.encode(), 9)).decode().rstrip("=")


def episode_of(replay: str) -> Episode:
    """The episode that a text stands for; raises BadReplay where it stands for none."""
    try:
        packed = base64.b64decode(replay.strip() + "=" * (-len(replay.strip()) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(packed, _LARGEST)
        if not unpacking.eof:
            raise BadReplay("the replay is cut short, or too large")
        episode = _CONVERTER.structure(json.loads(plain), Episode)
        run(episode, ModelSubject())  # what the reference model cannot play is no episode of this version
    except (binascii.Error, zlib.error, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as wrong:
        raise BadReplay("the replay is not complete: paste all of what was printed") from wrong
    except (CattrsError, LookupError, TypeError, ValueError, AttributeError, AssertionError, StopIteration) as wrong:
        if isinstance(wrong, BadReplay):
            raise
        raise BadReplay("the replay does not describe an episode of this version of scopelaw") from wrong
    if not episode.plan.servers.resources or not episode.plan.servers.issuers:
        raise BadReplay("the replay describes a world without servers")
    return episode


def _named_in(value: Named) -> object:
    return {"scopes": str(value)} if isinstance(value, ScopeSet) else value


# Any: what json.loads gives, and the type that cattrs was asked for.
def _named_out(value: Any, _: Any) -> Named:  # noqa: ANN401 - see above
    if isinstance(value, dict):
        return scopes(value["scopes"])
    if value in ("needed", "missing", "needed-and-held", "unnamed", "empty"):
        # A str compared with each of the literals.
        return value  # type: ignore[no-any-return]
    raise ValueError(f"{value!r} is nothing that a challenge can name")


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True, forbid_extra_keys=True, detailed_validation=False)
    converter.register_unstructure_hook(ScopeSet, str)
    converter.register_structure_hook(ScopeSet, lambda value, _: scopes(value))
    converter.register_unstructure_hook_func(lambda kind: kind == Named, _named_in)
    converter.register_structure_hook_func(lambda kind: kind == Named, _named_out)
    configure_tagged_union(EpisodeStep, converter, tag_name="step")
    return converter


_CONVERTER: Final = _make_converter()
