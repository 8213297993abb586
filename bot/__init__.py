"""The Slack front end of trainwatch: acknowledge, parse, one call of the engine, answer."""
