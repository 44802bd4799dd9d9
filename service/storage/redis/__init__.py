"""
The record stores on Redis or Valkey, one server or a cluster: the truth of Mneme.

`open_stores(url, buckets=…)` is the way in. README.md lists every key.
"""

from service.storage.redis.stores import BucketsMismatch, RedisStores, open_stores

__all__ = ["BucketsMismatch", "RedisStores", "open_stores"]
