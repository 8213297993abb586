"""Forecast: where a metric will be at the planned end of its run. The check and the report both ask here."""
