"""A wrap in memory behind every port, and commands run with --json."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pbmwrap.cli import envelope_model, main
from pbmwrap.device import discovery
from tests.host.scripted_wrap import ScriptedWrap

EXAMPLE = "minor-injury"


@pytest.fixture
def wrap(monkeypatch, tmp_path):
    """A wrap in memory behind every port name; files stay in tmp_path."""
    device = ScriptedWrap()
    monkeypatch.setattr(discovery, "open_transport", lambda port: device)
    monkeypatch.setenv("PBMWRAP_PORT", "memory")
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return device


def run(*words):
    """(exit code, envelope) of a command with --json; every envelope keeps to its model."""
    result = CliRunner().invoke(main.app, [*words, "--json"])
    lines = result.stdout.splitlines()
    assert len(lines) == 1, result.output
    envelope_model.Envelope.model_validate_json(lines[0])
    said = json.loads(lines[0])
    assert said["ok"] == (result.exit_code == 0)
    return result.exit_code, said


def data(*words):
    code, said = run(*words)
    assert code == 0, said
    return said["data"]


def fails(*words):
    code, said = run(*words)
    assert said["error"]["exit"] == code
    return code, said["error"]
