"""Documents and collections of them, one module per RPC."""
