"""Prints or installs click's completion script for the user's shell."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from pbmwrap.errors import UsageError

_PROGRAM = "pbmwrap"
_VARIABLE = "_PBMWRAP_COMPLETE"
_SHELLS = "bash, zsh, fish and powershell"


def make_script(app: click.Command) -> str:
    """Return the script for the user's shell. Raises UsageError for a shell that is not known."""
    shell = _shell_name()
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(
            f"{shell or 'this shell'} has no completion", f"there is one for {_SHELLS}"
        )
    return kind(app, {}, _PROGRAM, _VARIABLE).source()


def install_script(app: click.Command) -> str:
    """Write the script where the shell reads it; returns what was done. Raises UsageError."""
    shell, text = _shell_name(), make_script(app)
    if shell == "powershell":
        line = f"{_PROGRAM} --show-completion | Out-String | Invoke-Expression"
        raise UsageError("the profile of PowerShell is not changed", f"add to $PROFILE: {line}")
    path, start, lines = _script_places(shell)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if start:
            _append_lines(start, lines)
    except OSError as problem:
        why = f"{problem.filename or path} cannot be written: {problem.strerror}"
        raise UsageError(why, f"save the output of `{_PROGRAM} --show-completion`") from problem
    return f"completion for {shell} written to {path}; it works in the next shell"


def _shell_name() -> str:
    """Return the name of the user's shell; "" when it is unknown."""
    if sys.platform == "win32" and not os.environ.get("SHELL"):
        return "powershell"
    return Path(os.environ.get("SHELL", "")).name.removesuffix(".exe")


def _script_places(shell: str) -> tuple[Path, Path | None, str]:
    """Return (file of the script, start file to change or None, lines that it needs)."""
    home = Path.home()
    if shell == "fish":
        config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        return config / "fish" / "completions" / f"{_PROGRAM}.fish", None, ""
    if shell == "zsh":
        start = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        lines = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"
        return home / ".zfunc" / f"_{_PROGRAM}", start, lines
    path = home / ".bash_completions" / f"{_PROGRAM}.sh"
    return path, home / ".bashrc", f"source '{path}'"


def _append_lines(start: Path, lines: str) -> None:
    """Append `lines` to a start file unless it has them."""
    old = start.read_text(encoding="utf-8", errors="surrogateescape") if start.exists() else ""
    if lines not in old:
        with start.open("a", encoding="utf-8") as file:
            file.write(("" if not old or old.endswith("\n") else "\n") + lines + "\n")
