"""Communicates with a wrap: transports, the client, discovery. Uses no terminal."""
