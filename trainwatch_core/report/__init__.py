"""Telling. Pure: what is said, not where."""
