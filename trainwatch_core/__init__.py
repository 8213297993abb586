"""Everything of trainwatch that is not Slack: the judgement, the round, the stop protocol, the report."""
