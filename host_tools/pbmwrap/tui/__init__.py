"""The terminal view of `pbmwrap monitor`. Only `monitor` imports textual."""
