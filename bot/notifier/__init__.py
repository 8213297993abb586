"""The way out: everything that is said in Slack leaves through here."""
