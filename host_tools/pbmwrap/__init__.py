"""The host tools of pbmwrap: control a wrap, write protocols, read logs, run simulators."""

from wrap.version import VERSION as __version__

__all__ = ("__version__",)
