"""Where metrics are read."""
