"""Serve pages without requests to any other host (``PMS_OFFLINE_ASSETS``)."""
