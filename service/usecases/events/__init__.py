"""Events: what callers tell one by one, without opening sessions."""
