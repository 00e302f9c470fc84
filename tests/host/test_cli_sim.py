"""The real commands against the simulated wrap: in process, and behind a pseudo terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main, twin_cmds
from pbmwrap.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sim(monkeypatch, tmp_path):
    """Runs commands on a simulated wrap whose flash is kept in tmp_path from one to the next."""
    monkeypatch.setenv("PBMWRAP_PORT", f"sim:{tmp_path / 'flash'}")
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    return _data


def _data(*words):
    result = CliRunner().invoke(main.app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["data"]


def test_from_flashing_to_the_report(sim, tmp_path):
    sim("cal", "set", "red", "40", "--uncertainty", "5", "--how", "meter")
    sim("cal", "set", "nir", "50", "--uncertainty", "5", "--how", "meter")
    sim("protocol", "flash", "minor-injury", "--activate")
    assert sim("run", "--tethered")["reason"] == "dose"
    pulled = sim("logs", "pull")
    assert pulled["sessions"] == 1
    assert sim("logs", "pull")["from"] == pulled["to"]
    session = sim("logs", "list")[0]
    assert session["reason"] == "dose"
    assert session["dose_total_uj"] == pytest.approx(6_000_000, rel=0.01)
    shown = sim("logs", "show")["report"]
    first, last = shown["samples"][0], shown["samples"][-1]
    assert (first["t_s"], set(first["dose_j_cm2"])) == (0, {0})
    assert last["dose_j_cm2"] == [channel["dose_j_cm2"] for channel in shown["channels"]]
    assert round(sum(last["dose_j_cm2"]) * 1e6) == session["dose_total_uj"]
    plot, page = tmp_path / "s.png", tmp_path / "s.html"
    shown = sim("logs", "show", "--plot", str(plot), "--html", str(page))
    assert shown["report"]["end_reason"] == "dose"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in page.read_text(encoding="utf-8")
    for name in ("log.csv", "log.jsonl"):
        sim("logs", "export", str(tmp_path / name))
        assert (tmp_path / name).read_text(encoding="utf-8").count("\n") > 5


def test_what_a_wrap_says_of_itself_is_kept_once(sim, tmp_path):
    for _ in range(3):
        sim("logs", "pull")
    (kept,) = (tmp_path / "data").rglob("*.jsonl")
    assert kept.read_text(encoding="utf-8").count('"about"') == 1


def test_erased_flash_is_noticed_and_kept_apart(sim, tmp_path, monkeypatch):
    sim("protocol", "flash", "minor-injury")
    for _ in range(3):
        sim("status")
    sim("logs", "pull")
    monkeypatch.setenv("PBMWRAP_PORT", f"sim:{tmp_path / 'other'}")
    uid = json.loads(CliRunner().invoke(main.app, ["status", "--json"]).stdout)["data"]["wrap"][
        "uid"
    ]
    kept = next((tmp_path / "data" / "logs").glob("sim*"))
    kept.rename(kept.with_name(uid))
    result = CliRunner().invoke(main.app, ["logs", "pull", "--json"])
    assert result.exit_code == 10
    assert "--anew" in json.loads(result.stdout)["error"]["hint"]
    sim("logs", "pull", "--anew")
    assert kept.with_name(f"{uid}.old-1").is_dir()


def test_logs_without_any_pull_say_so(sim, tmp_path):
    result = CliRunner().invoke(main.app, ["logs", "show"])
    assert result.exit_code == 3
    assert "pbmwrap logs pull" in result.stderr


def test_export_and_show_name_wrong_use(sim, tmp_path):
    sim("logs", "pull")
    for words in (["export", "x.pdf"], ["show", "99"]):
        assert CliRunner().invoke(main.app, ["logs", *words]).exit_code == 2
    gone = str(tmp_path / "no" / "x.csv")
    assert CliRunner().invoke(main.app, ["logs", "export", gone]).exit_code == 7


def test_speed_is_checked():
    assert twin_cmds.parse_speed("max") is None
    assert twin_cmds.parse_speed("2.5") == 2.5
    for wrong in ("fast", "0", "-1", "nan"):
        with pytest.raises(UsageError, match="--speed is"):
            twin_cmds.parse_speed(wrong)


def test_emulate_without_an_image_says_how_to_build_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PBMWRAP_IMAGE", str(tmp_path / "none.uf2"))
    result = CliRunner().invoke(main.app, ["emulate"])
    assert result.exit_code == 7
    assert "make firmware" in result.stderr


@pytest.fixture
def served(tmp_path):
    """`pbmwrap sim` as a process; yields (process, its environment)."""
    env = dict(os.environ, PBMWRAP_DATA=str(tmp_path / "data"), PBMWRAP_CONFIG="/nonexistent")
    env["PBMWRAP_RUNTIME"] = str(tmp_path / "run")
    command = [sys.executable, "-m", "pbmwrap.cli.main", "sim", "--link", str(tmp_path / "port")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        try:
            yield process, env
        finally:
            process.terminate()


def _served_command(env, *words):
    command = [sys.executable, "-m", "pbmwrap.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_twin_prints_its_port_first_and_obeys_typed_lines(served, tmp_path):
    process, env = served
    port = process.stdout.readline().strip()
    assert port == str(tmp_path / "port")
    code, out, err = _served_command(env, "status", "--port", port, "--json")
    assert code == 0, err
    assert json.loads(out)["data"]["status"]["state"] == "idle"
    process.stdin.write("cover on\nquit\n")
    process.stdin.flush()
    assert "cover on" in process.stdout.readline()
    assert process.wait(timeout=30) == 0
    assert not (tmp_path / "port").exists()


def test_port_in_use_by_another_program_is_busy_and_names_it(served):
    process, env = served
    port = process.stdout.readline().strip()
    held = f"import serial; p = serial.Serial({port!r}, exclusive=True); print('held'); input()"
    with subprocess.Popen(
        [sys.executable, "-c", held],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        code, _, err = _served_command(env, "status", "--port", port)
        holder.kill()
    assert code == 5
    assert f"error: {port} is in use by " in err
    assert f"(process {holder.pid}); end it, then run this again" in err


def test_twin_that_dies_is_link_lost_for_whoever_watches(served):
    process, env = served
    port = process.stdout.readline().strip()
    with subprocess.Popen(
        [sys.executable, "-m", "pbmwrap.cli.main", "monitor", "--port", port],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    ) as watcher:
        assert watcher.stdout.readline().startswith("idle")
        process.kill()
        assert watcher.wait(timeout=60) == 9
        assert watcher.stderr.read().startswith("error: ")


def test_absent_port_is_no_device(served):
    code, _, err = _served_command(served[1], "status", "--port", "/dev/no-such-port")
    assert code == 3
    assert "there is no port /dev/no-such-port" in err
