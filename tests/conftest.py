"""How much Hypothesis does: HYPOTHESIS_PROFILE is dev for a quick look, ci (the default), or deep."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=20, stateful_step_count=10, deadline=None)
settings.register_profile(
    "ci", max_examples=100, stateful_step_count=15, deadline=None, derandomize=True, database=None
)
settings.register_profile(
    "deep",
    max_examples=5_000,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
