"""Keeping the index true to the records."""
