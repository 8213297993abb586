"""The demo: a real little training that goes wrong, for trainwatch to watch and to stop."""
