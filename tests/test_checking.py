"""Checking: how a subject is got to know before it is judged."""

from __future__ import annotations

import pytest

from scope_model.events import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE
from scope_oracle.checking import check, examiner
from scope_properties.model_subject import ModelSubject
from scope_properties.mutants import MUTANTS
from scope_spec import REVISIONS, Revision


class Limited(ModelSubject):
    """The reference, as a client that can be set up with one grant type alone."""

    only = AUTHORIZATION_CODE

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The one."""
        return (self.only,)


class Unattended(Limited):
    """The reference, without a user."""

    only = CLIENT_CREDENTIALS


class Managed(Limited):
    """The reference, with a user whom an identity provider vouches for."""

    only = TOKEN_EXCHANGE


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_subject_is_known_by_a_plain_episode_of_each_grant_type_it_has(revision: Revision) -> None:
    situations = {(who, when) for who in ("user", "machine", "enterprise") for when in ("initial", "step-up", "again")}
    known = examiner(ModelSubject(), revision).reads_plain
    assert known == situations if revision >= "2025-11-25" else known <= situations
    assert {who for who, _ in examiner(Limited(), revision).reads_plain} <= {"user"}
    assert {who for who, _ in examiner(Unattended(), revision).reads_plain} <= {"machine"}
    assert {who for who, _ in examiner(Managed(), revision).reads_plain} <= {"enterprise"}
    each = (examiner(subject, revision).reads_plain for subject in (Limited(), Unattended(), Managed()))
    assert frozenset().union(*each) == known


def test_two_faults_of_one_clause_are_found_apart() -> None:
    found = check(MUTANTS["replaces"].subject, examples=60).broken
    causes = {broken.finding.cause for broken in found if broken.finding.clause == "ACC-1"}
    assert {"dropped", "declined"} <= causes
    assert len({broken.replay for broken in found if broken.finding.clause == "ACC-1"}) == len(causes)
