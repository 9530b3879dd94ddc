"""Sentences about changes of the registry, for the command line and for pages."""
