"""Interactions with language models that applications report after the fact, in the words of each provider."""
