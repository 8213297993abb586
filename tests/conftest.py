"""Fixtures that all tests share."""

from __future__ import annotations

import os
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that lacks a part of the system is skipped with a loud reason here and fails under CI."""
    for mark in item.iter_markers("system"):
        lacking = [part for part in mark.args if shutil.which(part) is None]
        if lacking:
            reason = f"{', '.join(lacking)} not found: run `make system-deps`"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
