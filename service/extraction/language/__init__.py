"""
The extractor that asks a language model.

The way of a session: `transcript` (pieces of messages, in chunks of tokens) → `asking` (a fenced question, a bounded number of
calls, one repair) → `reading` (what the model wrote, checked against the session) → `extractor` (chunks into one).
The way of a candidate: `deciding`. What the model is told is in `prompts/*.md`, the shape of its answers in `shapes`.
"""

from service.extraction.language.asking import CallLedger
from service.extraction.language.extractor import LanguageExtractor, Limits

__all__ = ["CallLedger", "LanguageExtractor", "Limits"]
