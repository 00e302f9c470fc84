"""Names of `collections.abc` that stand in code which runs."""

from pbmwrap.web.browser.shims.typing import _Form

Callable = Generator = Iterable = Iterator = Mapping = Sequence = _Form()
