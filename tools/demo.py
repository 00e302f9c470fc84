"""Shows a session on a simulated wrap with the real command, from flashing to the report, and then
twelve weeks of a made-up person (tools/demo_weeks.py).

It needs no hardware; the demo's port, archive and configuration are in --out.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from pbmwrap.facts import by_role
from pbmwrap.report.plot import find_png_problem
from tools.demo_weeks import show_weeks

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "pbmwrap"]
PROTOCOL = ROOT / "host_tools/pbmwrap/protocols/examples/diabetic-foot.toml"
SPEED = "15"  # the wake check gives a minute: four seconds, plenty for a few polls
POLLS = 2000
# The demo's pad gives so little light that 6 J/cm2 in eight minutes takes 50 % of full power.
STRONGER = {"intensity = 20.0": "intensity = 40.0", "intensity = 30.0": "intensity = 60.0"}
POWER = """\
Without a recorded heat test all lamps together draw at most a quarter of full
power: so little that the skin stays below 43 C whatever the sensors read. The
shipped protocols stay within that. This pad's LEDs are weak, so its protocol
asks for half of full power. Its maker has tested it, free and under a blanket,
with a thermocouple (docs/build-a-wrap.md, section 13), and records that:"""


def print_title(line: str) -> None:
    """Print a line, bold on a terminal."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}{line}{plain}", flush=True)


class Demo:
    """One simulated wrap and the commands given to it."""

    def __init__(self, out: Path) -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        self.out = out
        self.env = {
            **os.environ,
            "PBMWRAP_PORT": str(out / "port"),
            "PBMWRAP_DATA": str(out / "archive"),
            "PBMWRAP_CONFIG": str(out / "config.toml"),
        }
        self.wrap = subprocess.Popen(
            [*COMMAND, "sim", "--speed", SPEED, "--link", str(out / "port")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.env,
            text=True,
        )
        assert self.wrap.stdout
        if not self.wrap.stdout.readline():
            raise SystemExit("the simulated wrap did not start; its message is above")

    def act_on_wrap(self, line: str) -> None:
        """Do what a person does at the wrap, such as `press`."""
        print_title(f"* {line}")
        assert self.wrap.stdin
        self.wrap.stdin.write(line + "\n")
        self.wrap.stdin.flush()

    def print_explanation(self, text: str) -> None:
        """Print an explanation."""
        print(f"\n{text}", flush=True)

    def show_command(self, *words: str) -> None:
        """Run a command and show it as a person would type it."""
        shown = [str(Path(w).relative_to(ROOT)) if w.startswith(str(ROOT)) else w for w in words]
        print_title(f"$ pbmwrap {shlex.join(shown)}")
        subprocess.run([*COMMAND, *words], env=self.env, check=True)

    def read_json(self, *words: str) -> dict:
        """Return the data of a command with --json."""
        done = subprocess.run(
            [*COMMAND, *words, "--json"], env=self.env, check=True, stdout=subprocess.PIPE
        )
        return json.loads(done.stdout)["data"]

    def wait_until_done(self) -> None:
        """Watch the session to its end, showing a line now and then."""
        shown = None
        for _ in range(POLLS):
            data = self.read_json("status")
            status, roles = data["status"], [role for _, role in data["wrap"]["sensors"]]
            minute = status["active_ms"] // 60000
            if minute != shown:
                shown = minute
                temps = by_role(roles, (f"{t / 1000:.1f}" for t in status["temps_mc"]))
                print(f"  {status['state']:10} {minute:2} min   {temps} C", flush=True)
            if status["wake_waiting"]:
                self.act_on_wrap("press")
            if status["state"] in ("done", "fault"):
                return
        raise SystemExit("the session did not end")

    def close(self) -> None:
        self.wrap.terminate()
        self.wrap.wait()


def write_stronger_protocol(path: Path) -> Path:
    """Write the shipped protocol with twice its levels to `path`."""
    text = PROTOCOL.read_text(encoding="utf-8")
    for old, new in STRONGER.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


def choose_plot(out: Path) -> Path:
    """Return the plot's file: a PNG, or an SVG where no PNG can be made, with the reason."""
    problem = find_png_problem()
    if problem is None:
        return out / "session.png"
    print(f"\nThe plot is an SVG here: {problem}", flush=True)
    return out / "session.svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "demo")
    out = parser.parse_args().out.resolve()
    demo = Demo(out)
    protocol = write_stronger_protocol(out / "foot.toml")
    try:
        demo.show_command("status")
        demo.print_explanation(POWER)
        tested = ("--hottest", "40.6", "--how", "demo figure", "--yes")
        demo.show_command("heat-test", "set", "60", *tested)
        demo.show_command("cal", "set", "red", "11", "--uncertainty", "15", "--how", "demo figure")
        demo.show_command("cal", "set", "nir", "13", "--uncertainty", "15", "--how", "demo figure")
        demo.show_command("protocol", "flash", str(protocol), "--activate")
        demo.show_command("status")
        demo.act_on_wrap("press")
        demo.wait_until_done()
        demo.show_command("logs", "pull")
        plot, page = choose_plot(out), out / "session.html"
        demo.show_command("logs", "show", "--plot", str(plot), "--html", str(page), "--force")
    finally:
        demo.close()
    report = show_weeks(out, demo.print_explanation, print_title)
    print(f"\nPlot: {plot}\nPage: {page}\nReport of the weeks: {report}")
    print("\nThe same in your browser, with a wrap that you can cover and unplug:")
    print("    .venv/bin/pbmwrap web --port sim:")


if __name__ == "__main__":
    main()
