"""Builds the folder build/web-static: the page with a simulated wrap inside, for any web server."""
