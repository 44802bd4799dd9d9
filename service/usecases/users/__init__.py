"""Users of a project."""
