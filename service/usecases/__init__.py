"""What Mneme does: one module per call of the contract, each a class with its ports in `__init__` and one `async __call__`."""
