"""Fitting lines into a number of tokens, counted by a real tokenizer."""

from __future__ import annotations

from collections.abc import Callable

TokenCounter = Callable[[str], int]


class Budget:
    """
    A number of tokens to spend on lines.

    A line costs its own tokens and one for its line break: a text costs no more than its lines, since no token of the usual
    tokenizers reaches across a line break.
    """

    def __init__(self, tokens: int, count: TokenCounter) -> None:
        """Begin with *tokens* to spend, counted by *count*."""
        self.left = tokens
        self._count = count

    def cost(self, *lines: str) -> int:
        """Return what *lines* cost together."""
        return sum(self._count(line) + 1 for line in lines)

    def spend(self, *lines: str) -> bool:
        """Spend what *lines* cost together, or nothing when that is more than is left. Returns whether they were paid."""
        cost = self.cost(*lines)
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def share(self, tokens: int) -> Budget:
        """Return a budget of *tokens*, or of what is left when that is less. Spending from it does not spend from this one."""
        return Budget(max(0, min(tokens, self.left)), self._count)
