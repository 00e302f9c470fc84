"""The link to the host over USB: frames, server, commands. Does not know the lamps."""
