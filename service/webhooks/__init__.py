"""Brings webhook events to their endpoints, over HTTP."""

from service.webhooks.sender import HttpSender

__all__ = ["HttpSender"]
