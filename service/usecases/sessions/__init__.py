"""Sessions of a user, and what is said in them."""
