"""Memories of a user, and recalling them."""
