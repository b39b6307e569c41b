"""Fixtures for all tests, and the markers' meaning when pytest is called directly."""

from __future__ import annotations

import pytest

from tests import tiers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    needs = {marker: missing() for marker, missing in tiers.NEEDS.items()}
    for item in items:
        for marker, missing in needs.items():
            if missing is not None and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=missing.reason))
