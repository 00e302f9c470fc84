"""Talking to a wrap: transports, the client, and finding it. No terminal, no files."""
