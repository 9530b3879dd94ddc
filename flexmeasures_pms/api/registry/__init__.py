"""The registry over HTTP: what is registered, its history, orders, changes and imports."""
