"""Templates: one environment for those of pages, which escape what they are given, and those of Markdown."""

from __future__ import annotations

import re
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

TEMPLATES: Final = Environment(
    loader=PackageLoader("scope_oracle"),
    autoescape=select_autoescape(("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def fenced(text: str, language: str = "text") -> str:
    """A text as a code block of Markdown, whose fence is longer than any in it."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
