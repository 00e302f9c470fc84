"""The USB line: frames, codes, command server. Knows no lamp."""
