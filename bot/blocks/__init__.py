"""What messages look like in Slack. Pure: words in, blocks out, within Slack's limits."""
