"""The command `pbmwrap`. Modules here import nothing heavy at the top, so that help starts fast."""
