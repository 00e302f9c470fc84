"""Protocol files: reads TOML in human units, checks it, and makes the device's canonical JSON.

Nothing here communicates with a wrap. Rules and limits are those of `wrap.rules`.
"""
