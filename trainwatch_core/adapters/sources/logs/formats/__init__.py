"""Reading what trainers print: lines of text in, samples by step out. Knows shapes of lines, not products."""

from trainwatch_core.adapters.sources.logs.formats.axis import Place
from trainwatch_core.adapters.sources.logs.formats.parse import LINE_LIMIT, parse
from trainwatch_core.adapters.sources.logs.formats.state import Parsed, State

__all__ = ["LINE_LIMIT", "Parsed", "Place", "State", "parse"]
