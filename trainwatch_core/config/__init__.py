"""Configuration: `trainwatch.toml` and the environment, read once and frozen."""

from trainwatch_core.config.loading import find_config, load_settings
from trainwatch_core.config.settings import Settings, WatchDefaults

__all__ = ["Settings", "WatchDefaults", "find_config", "load_settings"]
