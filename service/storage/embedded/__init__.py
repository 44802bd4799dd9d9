"""The engines that Mneme brings along: a Valkey server and a Qdrant engine, each a process of its own behind a Unix socket."""

from service.storage.embedded.client import open_index

__all__ = ["open_index"]
