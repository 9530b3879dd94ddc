"""What the API and the pages have in common as HTTP."""
