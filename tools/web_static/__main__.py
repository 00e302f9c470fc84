"""Writes the page with a simulated wrap inside to a folder that any web server can serve.

python -m tools.web_static --out build/web-static
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.web_static.folder import build_folder, measure_gzip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.web_static", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/web-static"))
    out = parser.parse_args().out
    build_folder(out)
    runtime, page = measure_gzip(out)
    print(
        f"{out}: the page {page / 1000:.0f} kB, MicroPython and the firmware "
        f"{runtime / 1000:.0f} kB, compressed"
    )


if __name__ == "__main__":
    main()
