"""Projects, their keys and who is calling."""
