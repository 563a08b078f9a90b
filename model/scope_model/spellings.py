"""`WWW-Authenticate` written: one Bearer challenge in every spelling that servers use, legal and common illegal ones.

Its reader is `challenges`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .challenges import TOKEN

Parameters = Sequence[tuple[str, str]]
"""Names and values of a challenge's parameters, in order."""

_IS_TOKEN: Final = re.compile(TOKEN).fullmatch
_MUST_ESCAPE: Final = '"\\'


def _quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bearer(parameters: Parameters, scheme: str = "Bearer", equals: str = "=", separator: str = ", ") -> str:
    written = separator.join(f"{name}{equals}{_quote(value)}" for name, value in parameters)
    return f"{scheme} {written}" if written else scheme


def _unquoted(parameters: Parameters) -> str:
    plain = [(name, value) for name, value in parameters if _IS_TOKEN(value)]
    quoted = [parameter for parameter in parameters if parameter not in plain]
    written = [f"{name}={value}" for name, value in plain] + [f"{name}={_quote(value)}" for name, value in quoted]
    return f"Bearer {', '.join(written)}" if written else "Bearer"


def _quoted_pairs(parameters: Parameters) -> str:
    written = [
        f'{name}="{"".join(chr(92) + c if c.isalnum() or c in _MUST_ESCAPE else c for c in value)}"'
        if name == "scope"
        else f"{name}={_quote(value)}"
        for name, value in parameters
    ]
    return f"Bearer {', '.join(written)}" if written else "Bearer"


def _quotes_in_quotes(parameters: Parameters) -> str:
    error = [(name, value) for name, value in parameters if name == "error"]
    rest = [parameter for parameter in parameters if parameter not in error]
    written = [f"{name}={_quote(value)}" for name, value in (*error, *rest)]
    written.insert(len(error), 'error_description=""exp" claim timestamp check failed"')
    return f"Bearer {', '.join(written)}"


_DECOY: Final = ("error_description", "needs scope=decoy here")
_ERROR_DECOY: Final = ("error_description", "no longer error=invalid_request")
_DECOYS: Final = ("error_description", "not error=invalid_request, but scope=decoy here")

SPELLINGS: Final[Mapping[str, Callable[[Parameters], tuple[str, ...]]]] = {
    "plain": lambda parameters: (_bearer(parameters),),
    "token-values": lambda parameters: (_unquoted(parameters),),
    "lower-case-scheme": lambda parameters: (_bearer(parameters, scheme="bearer"),),
    "upper-case-names": lambda parameters: (_bearer([(name.upper(), value) for name, value in parameters]),),
    "space-around-equals": lambda parameters: (_bearer(parameters, equals=" = "),),
    "quoted-pairs": lambda parameters: (_quoted_pairs(parameters),),
    "reversed-parameters": lambda parameters: (_bearer(parameters[::-1]),),
    "no-space-after-comma": lambda parameters: (_bearer(parameters, separator=","),),
    "empty-elements": lambda parameters: (", ," + _bearer(parameters, separator=" ,, ") + ",",),
    "after-basic": lambda parameters: ('Basic realm="x", ' + _bearer(parameters),),
    "before-basic": lambda parameters: (_bearer(parameters) + ', Basic realm="x"',),
    "after-negotiate": lambda parameters: ("Negotiate, " + _bearer(parameters),),
    "after-token68": lambda parameters: ("Negotiate oRQwEqADCgEB==, " + _bearer(parameters),),
    "on-the-second-line": lambda parameters: ('Basic realm="x"', _bearer(parameters)),
    "after-dpop-with-scope": lambda parameters: ('DPoP algs="ES256", scope="decoy", ' + _bearer(parameters),),
    "after-a-decoy": lambda parameters: (_bearer([_DECOY, *parameters]),),
    "two-spaces": lambda parameters: (_bearer(parameters, scheme="Bearer "),),
    "empty-realm": lambda parameters: (_bearer([("realm", ""), *parameters]),),
    "after-unpadded-token68": lambda parameters: ("Negotiate oRQwEqADCgEB, " + _bearer(parameters),),
    "before-dpop-with-scope": lambda parameters: (_bearer(parameters) + ', DPoP algs="ES256", scope="decoy"',),
    "after-an-error-decoy": lambda parameters: (_bearer([_ERROR_DECOY, *parameters]),),
    "before-decoys": lambda parameters: (_bearer([*parameters, _DECOYS]),),
    "after-unknown-parameters": lambda parameters: (
        _bearer([("error_scope", "decoy"), ("x", "scope=decoy"), *parameters]),
    ),
}
"""The legal spellings of one challenge, by name, the plain one first (RFC 9110 section 11)."""

SEVERAL: Final[Mapping[str, Callable[[Parameters], tuple[str, ...]]]] = {
    "before-another-bearer": lambda parameters: (_bearer(parameters) + ', Bearer realm="other", scope="other"',),
    "after-another-bearer": lambda parameters: ('Bearer realm="other", scope="other", ' + _bearer(parameters),),
}
"""A challenge beside another Bearer challenge, by name: which of them to answer is a matter of reading (A16)."""

MISSPELLINGS: Final[Mapping[str, Callable[[Parameters], tuple[str, ...]]]] = {
    "scope-twice": lambda parameters: (_bearer([*parameters, ("scope", "decoy")]),),
    "quotes-in-quotes": lambda parameters: (_quotes_in_quotes(parameters),),
    "no-comma": lambda parameters: (_bearer(parameters, separator=" "),),
}
"""Common spellings that the grammar does not allow, by name: nothing can be expected of a client that meets one."""

_ALL: Final = {**SPELLINGS, **SEVERAL, **MISSPELLINGS}


def spelled(spelling: str, parameters: Parameters) -> tuple[str, ...]:
    """The header lines of one Bearer challenge with `parameters`, in the spelling of that name."""
    return _ALL[spelling](parameters)
