"""
What the use cases need from the world, as protocols that the adapters implement.

`stores` keep the truth, `work` hands it to the workers, `index` finds it by meaning and by word, `models` read and embed it.
Every implementation of a port is proved by the same suite in `tests/contract`.
"""
