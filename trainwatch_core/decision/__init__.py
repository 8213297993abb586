"""Judgement. Pure: gates, cadence, lifecycle, authority, plans."""
