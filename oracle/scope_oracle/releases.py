"""Policies that restate the SDKs as released: what each asks for, as far as a choice among sources can say it.

A policy does not say how they read headers, order scopes, count retries, refresh, restart, or go on after an
abandoned request: that is measured on the SDKs themselves, and each release may change it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from scope_model.policies import POLICIES, Policy
from scope_model.selections import (
    accumulate,
    challenge,
    configured,
    current,
    first_of,
    granted,
    requested,
    resource_metadata,
    server_metadata,
    with_offline_access,
)

_SDK: Final = "https://github.com/modelcontextprotocol"

python_sdk_1_30: Final = Policy(
    name="python-sdk-1.30",
    says="The challenge, else the resource metadata, else the authorization server's list, afresh each "
    "time; nothing is remembered, and what the caller configured is overwritten.",
    source=f"{_SDK}/python-sdk",
    select=first_of(challenge, resource_metadata, server_metadata),
    on_omitted_scope="forget",
    configured_mode="none",
)

_PYTHON_2: Final = with_offline_access(first_of(challenge, resource_metadata, server_metadata))

python_sdk_2_3: Final = Policy(
    name="python-sdk-2.3",
    says="The challenge, else the resource metadata, else the authorization server's list; a 403 adds that "
    "to all that was requested or granted before, a 401 starts afresh, and what the caller configured "
    "is overwritten.",
    source=f"{_SDK}/python-sdk",
    select=_PYTHON_2,
    step_up=accumulate(requested, granted, _PYTHON_2),
    configured_mode="none",
)

typescript_sdk_1_32: Final = Policy(
    name="typescript-sdk-1.32",
    says="The challenge, else the resource metadata, else the client metadata's own scope, afresh each "
    "time (with a refresh token it refreshes instead and never steps up, which a policy cannot say).",
    source=f"{_SDK}/typescript-sdk",
    select=first_of(challenge, resource_metadata, configured),
    on_omitted_scope="forget",
)

typescript_sdk_2_4: Final = Policy(
    name="typescript-sdk-2.4",
    says="The challenge, else the resource metadata, else the client metadata's own scope; a 403 adds its "
    "scopes to those of the stored token, which are none after a token response without scope "
    "(earlier challenges of the session join too, which a policy cannot say).",
    source=f"{_SDK}/typescript-sdk",
    select=with_offline_access(first_of(challenge, resource_metadata, configured)),
    step_up=with_offline_access(accumulate(granted, challenge).or_else(first_of(resource_metadata, configured))),
    on_omitted_scope="forget",
)

rust_sdk_2_2: Final = Policy(
    name="rust-sdk-2.2",
    says="What the caller configured, else the challenge, the resource metadata or the authorization "
    "server's list; a step-up adds the challenge to what was granted, which an omitted scope clears, "
    "and offline_access joins wherever it is listed.",
    source=f"{_SDK}/rust-sdk",
    select=with_offline_access(first_of(configured, challenge, resource_metadata, server_metadata), unasked=True),
    step_up=with_offline_access(accumulate(granted, challenge), unasked=True),
    on_omitted_scope="clear",
    configured_mode="override",
)

rust_sdk_3_9: Final = Policy(
    name="rust-sdk-3.9",
    says="What the caller configured, else the challenge together with the resource metadata, else the "
    "authorization server's list; a step-up adds the challenge alone to the current scopes, and "
    "offline_access joins wherever it is listed.",
    source=f"{_SDK}/rust-sdk",
    select=with_offline_access(
        first_of(configured, accumulate(challenge, resource_metadata), server_metadata), unasked=True
    ),
    step_up=with_offline_access(accumulate(current, challenge), unasked=True),
    configured_mode="override",
)

_GO: Final = with_offline_access(first_of(challenge, resource_metadata), alone=True)

go_sdk_1_8: Final = Policy(
    name="go-sdk-1.8",
    says="The challenge, else the resource metadata, with offline_access or that alone; each later request "
    "adds this to the current scopes.",
    source=f"{_SDK}/go-sdk",
    select=_GO,
    step_up=accumulate(current, _GO),
    reauthorize=accumulate(current, _GO),
    configured_mode="none",
)

RELEASED: Final = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            python_sdk_1_30,
            python_sdk_2_3,
            typescript_sdk_1_32,
            typescript_sdk_2_4,
            rust_sdk_2_2,
            rust_sdk_3_9,
            go_sdk_1_8,
        )
    }
)
"""Every policy that restates a release."""

NAMED: Final = MappingProxyType({**POLICIES, **RELEASED})
"""Every policy that has a name, those of the documents first."""
