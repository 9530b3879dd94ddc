"""Changing the registry: in memory first, then written in one transaction."""
