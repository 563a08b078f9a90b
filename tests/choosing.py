"""What a selection asks for, from sources that are written as text."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import strategies as st

from scope_model.scopes import ScopeSet, scopes
from scope_model.selections import (
    Selection,
    Sources,
)
from scope_properties.strategies import scope_sets

maybe = st.none() | scope_sets(max_size=3)
all_sources = st.builds(Sources, maybe, maybe, maybe, maybe, maybe, maybe, maybe, st.booleans())


def knowing(**sources: str) -> Sources:
    """Sources, each written as text."""
    known: Mapping[str, ScopeSet] = {name: scopes(text) for name, text in sources.items()}
    return Sources(
        known.get("requested"),
        known.get("granted"),
        known.get("in_hand"),
        known.get("challenge"),
        known.get("resource_metadata"),
        known.get("server_metadata"),
        known.get("configured"),
    )


def chosen(selection: Selection, **sources: str) -> str | None:
    """What a selection asks for, as text."""
    selected = selection(knowing(**sources))
    return None if selected is None else str(selected)


def chosen_for_long(selection: Selection, **sources: str) -> str | None:
    """What it asks for where a refresh token is wanted."""
    selected = selection(replace(knowing(**sources), wants_refresh_token=True))
    return None if selected is None else str(selected)
