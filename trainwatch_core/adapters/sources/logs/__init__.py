"""Training logs: a file of this machine, or the output of a command."""
