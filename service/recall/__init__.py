"""Recall: finds what is relevant to a query and renders it for a prompt. Pure algorithms over ports."""
