"""Every model client that there is: the reference, what looks wrong and is not, the mutants, and all policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hypothesis.strategies import SearchStrategy

from scope_model.events import Transcript
from scope_model.policies import POLICIES
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import EQUIVALENTS, MUTANTS
from scope_properties.runs import run
from scope_properties.sampling import sample
from scope_properties.strategies import episodes
from scope_properties.tables import USER_DELEGATED, WITHOUT_A_USER
from scope_spec import REVISIONS, Revision


@dataclass(frozen=True, slots=True)
class ModelClient:
    """A model client, and for which revision and grant types it is meant."""

    subject: ModelSubject
    revision: Revision = "2026-07-28"
    grant_types: tuple[str, ...] = USER_DELEGATED

    def transcripts(self, seed: int) -> Iterator[Transcript]:
        """Its transcripts of sampled episodes, without end."""
        for episode in sample(seed, revision=self.revision, grant_types=self.grant_types):
            yield run(episode, self.subject)

    def any_transcript(self) -> SearchStrategy[Transcript]:
        """Its transcript of any episode."""
        return episodes(revision=self.revision, grant_types=self.grant_types).map(
            lambda episode: run(episode, self.subject)
        )


CLIENTS: Final[Mapping[str, ModelClient]] = MappingProxyType(
    {f"reference at {revision}": ModelClient(ModelSubject(), revision) for revision in REVISIONS}
    | {"reference without a user": ModelClient(ModelSubject(), grant_types=WITHOUT_A_USER)}
    | {f"policy {name}": ModelClient(ModelSubject(policy)) for name, policy in POLICIES.items()}
    | {f"equivalent {one.name}": ModelClient(ModelSubject(one.policy), one.revision) for one in EQUIVALENTS}
    | {f"mutant {name}": ModelClient(one.subject, grant_types=one.grant_types) for name, one in MUTANTS.items()}
)
"""By name; the mutants are meant for the newest revision."""
