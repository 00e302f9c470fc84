"""The wrap of docs/build-a-wrap.md: its parts, its arithmetic, its tables and its drawings."""
