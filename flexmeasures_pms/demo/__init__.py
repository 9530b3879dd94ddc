"""Trying the plugin on one machine: real servers from wheels, and a simulated site."""
