"""The host side of pbmwrap: talk to a wrap, write protocols, read logs, run twins."""

from wrap.version import VERSION as __version__

__all__ = ("__version__",)
