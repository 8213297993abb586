"""`python -m trainwatch_core.cli`."""

from trainwatch_core.cli import main

main()
