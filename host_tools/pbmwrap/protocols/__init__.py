"""Protocol files: TOML in human units, checked, turned into the device's canonical JSON.

Nothing here talks to a wrap. Rules and limits come from `wrap.rules.protocol`, never from here.
"""
