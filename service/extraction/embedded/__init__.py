"""
The extractor that needs no model, no key and no network: rules over words, and the embedder for categories and likeness.

The way of a session: `utterances` (who says what, cleaned) → `splitting` → `worth` → `statements` (what belongs together,
with its sources) → `rewriting` (self-contained, in the third person) with `dates` and `entities` → `categories` → `summary`.
The way of a candidate: `slots` (which attribute of whom has which value) → `decisions`. What depends on the language is data
in `words/*.toml`, read by `languages`.
"""

from service.extraction.embedded.extractor import EmbeddedExtractor

__all__ = ["EmbeddedExtractor"]
