"""Words: frozen dataclasses and enums that every other room speaks. Standard library and numpy only."""
