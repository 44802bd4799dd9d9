"""Nouns, rules, errors and ports. Imports the standard library only."""
