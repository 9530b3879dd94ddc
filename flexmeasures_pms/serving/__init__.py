"""HTTP code that the API and the pages share."""
