"""Turns: one exchange with a model, opened before it and stored after it."""
