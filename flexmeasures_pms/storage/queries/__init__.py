"""Reading stored readings for pages and the API."""
