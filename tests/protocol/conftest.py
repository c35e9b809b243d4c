"""Hypothesis looks at what is true, not at how fast two shared cores are today."""

from hypothesis import settings

settings.register_profile("failover", deadline=None, max_examples=60)
settings.load_profile("failover")
