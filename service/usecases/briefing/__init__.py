"""Briefings: what a prompt needs to know, found for a task or a question instead of a session."""
