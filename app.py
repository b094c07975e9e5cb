"""The WSGI application for any server: `app:app`."""

from obdtrack import create_app

app = create_app()
