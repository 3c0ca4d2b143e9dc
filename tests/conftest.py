"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Timings are never asserted: a busy machine draws examples slowly, and that is no failure.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
