"""The vector index on a Qdrant server or cluster."""

from service.storage.qdrant.index import open_index

__all__ = ["open_index"]
