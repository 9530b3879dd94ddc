"""Serving pages without asking any other host for anything (``PMS_OFFLINE_ASSETS``)."""
