"""Walls: everything that touches the world."""
