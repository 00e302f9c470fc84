"""Packs the Python modules that run in the browser: {path: translated source}."""

from __future__ import annotations

from pathlib import Path

from tools.web_static import model_facts
from tools.web_static.examples import make_module
from tools.web_static.translate import SHIMS, translate

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "firmware"
HOST = ROOT / "host_tools"
BOARD = ROOT / "boards" / "PBMWRAP_RP2040"
_NOT_THERE = ("hal/rp2040", "hal/esp32", "hal/contract.py")

# Modules of the host that run in the browser. Each is the same file that `pbmwrap` uses.
HOST_MODULES = (
    "__init__.py",
    "errors.py",
    "calibration/__init__.py",
    "calibration/due.py",
    "portable/__init__.py",
    "portable/exact_test.py",
    "portable/log_lines.py",
    "portable/esp32_header.py",
    "portable/usb_ids.py",
    "words.py",
    "device/__init__.py",
    "device/client.py",
    "device/link.py",
    "device/models.py",
    "device/status_poll.py",
    "device/transfer.py",
    "device/transport.py",
    "doctor/__init__.py",
    "doctor/check.py",
    "doctor/wrap.py",
    "logs/__init__.py",
    "logs/clock.py",
    "logs/decode.py",
    "logs/notes.py",
    "logs/sessions.py",
    "logs/summary.py",
    "logs/to_report.py",
    "protocols/__init__.py",
    "protocols/board.py",
    "protocols/check_text.py",
    "protocols/diagnostics.py",
    "protocols/encode.py",
    "protocols/locate.py",
    "protocols/quantity.py",
    "protocols/summary.py",
    "protocols/syntax.py",
    "report/__init__.py",
    "report/model.py",
    "twin/__init__.py",
    "twin/base.py",
    "twin/buzzes.py",
    "twin/coupled.py",
    "twin/fake_board.py",
    "twin/fake_hal.py",
    "twin/plant.py",
    "twin/presses.py",
    "web/__init__.py",
    "web/controls.py",
    "web/history.py",
    "web/live.py",
    "web/protocol_check.py",
    "web/protocol_view.py",
    "web/requests.py",
    "web/session_view.py",
)
# Modules that stand for others, which cannot run there: path below web/browser, path in the pack.
REPLACED = {
    "replaced/answers.py": "pbmwrap/device/answers.py",
    "replaced/facts.py": "pbmwrap/facts.py",
    "replaced/model.py": "pbmwrap/protocols/model.py",
}
EXAMPLES = "pbmwrap/web/browser/example_texts.py"
MODEL_FACTS = "pbmwrap/web/browser/model_facts.py"


def list_sources() -> dict[str, Path]:
    """Return {path in the pack: source file}."""
    found: dict[str, Path] = {}
    for path in sorted((FIRMWARE / "wrap").rglob("*.py")):
        name = path.relative_to(FIRMWARE).as_posix()
        if not any(part in name for part in _NOT_THERE):
            found[name] = path
    found["board_facts.py"] = BOARD / "board_facts.py"
    for name in HOST_MODULES:
        found[f"pbmwrap/{name}"] = HOST / "pbmwrap" / name
    browser = HOST / "pbmwrap" / "web" / "browser"
    for path in sorted([*browser.glob("*.py"), *(browser / "shims").glob("*.py")]):
        found[path.relative_to(HOST).as_posix()] = path
    for name, stands_for in REPLACED.items():
        found[stands_for] = browser / name
    return found


def make_pack() -> dict[str, str]:
    """Return {path: translated source}. Raises NotTranslatable."""
    pack = {
        name: translate(path.read_text(encoding="utf-8"), name, _list_shims(name))
        for name, path in list_sources().items()
    }
    pack[EXAMPLES] = make_module()
    pack[MODEL_FACTS] = model_facts.make_module()
    return pack


def _list_shims(name: str) -> tuple[str, ...]:
    """The firmware uses only what MicroPython has, and the shims replace MicroPython's modules."""
    return SHIMS if name.startswith("pbmwrap/") and "/shims/" not in name else ()
