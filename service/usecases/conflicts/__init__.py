"""Merge conflicts: showing them, taking answers, and doing what the answers say."""
