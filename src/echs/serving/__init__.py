"""What happens around every request: WSGI application, middleware, probes, metrics, log, gunicorn."""
