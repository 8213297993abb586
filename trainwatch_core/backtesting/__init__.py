"""Finished runs, watched again: what trainwatch would have decided, and done."""
