"""
The embedded vector engine: Qdrant's own, in a process of its own.

Apart from the rest because it holds Python's global lock in every call: in the service a flush would stop every request.
"""
