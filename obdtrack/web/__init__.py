"""The HTTP edge: the REST API, the callback, the pages."""
