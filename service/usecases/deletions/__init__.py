"""Forgetting, and the receipts of deletions."""
