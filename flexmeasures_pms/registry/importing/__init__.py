"""Registering whole sites from a CSV file."""
