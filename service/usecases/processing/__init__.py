"""Turning a finished session into memories."""
