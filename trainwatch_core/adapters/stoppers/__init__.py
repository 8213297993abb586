"""How jobs are stopped, and proven gone."""
