"""Adapters of the record stores and of the vector index."""
