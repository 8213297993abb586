"""Fakes, histories and conformance suites for tests of trainwatch and of its plug-ins."""
