"""Cutting texts by the semantic-text-splitter library."""

from __future__ import annotations

from collections.abc import Sequence

from semantic_text_splitter import TextSplitter


class SemanticSplitter:
    """Implements `Splitter`: cuts at the longest runs of line breaks that will do, else between sentences, else words."""

    def split(self, text: str, *, size: int, overlap: int) -> Sequence[tuple[int, str]]:
        """Return the pieces of *text* with the characters at which they begin. White space around a piece is left out."""
        return TextSplitter(size, overlap).chunk_indices(text)
