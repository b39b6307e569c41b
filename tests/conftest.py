"""Fixtures for all tests, and the markers' meaning when pytest is called directly."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests import tiers

# Hypothesis fails an example that took more than 200 ms: on a busy machine that says nothing about the example.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    needs = {marker: missing() for marker, missing in tiers.NEEDS.items()}
    for item in items:
        for marker, missing in needs.items():
            if missing is not None and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=missing.reason))
