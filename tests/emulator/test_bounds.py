"""The control step keeps to its bounds (bounds.py), in exact cycles of the emulated chip."""

from __future__ import annotations

import json
from pathlib import Path

from tests.contract.conftest import Bench
from tests.emulator import bounds
from tools.bench.copies import in_a_copy
from tools.bench.latency import measure_longest
from tools.bench.link_steps import LIMIT_US, STEP_US, Session
from tools.bench.peers import PEERS
from tools.bench.repl_board import ReplBoard
from tools.toolchain import sources
from wrap.rules import limits

STEPS = 120  # more than a second of them
TURNS = 300
CALM_MS = 1500
PUSHES = 10
BLOCK = 16  # bytes: the smallest piece of the heap
STATUSES = 16  # some 80 bytes a second are allocated by other work
FLOOD_MS = 2000
MOMENTS = 16  # four of each sensor


def test_a_step_takes_no_longer_than_it_did_and_allocates_nothing(repl_board: ReplBoard) -> None:
    figures = repl_board.measure_call(PEERS["wrap"], STEPS)
    assert figures["us_median"] <= bounds.STEP_US
    assert figures["us_worst"] <= bounds.SECOND_US
    assert figures["bytes"] == bounds.STEP_BYTES


def test_a_gross_reading_is_dark_in_the_next_step_even_the_longest(image: Path) -> None:  # H-02
    """`make bench` tries 700 moments, also of other steps."""
    assert 10 < measure_longest(image, MOMENTS) <= bounds.GROSS_MS


def test_a_running_session_makes_no_garbage(repl_board: ReplBoard) -> None:
    """Nor does a wire check, which puts the lamps out for a step."""
    repl_board.run_code(
        "import bench_wrap, gc; bench_wrap.begin_session(); gc.collect(); gc.disable()"
    )
    lines = [
        "before = 0",  # a new name takes room among the names
        "bench_wrap.run_turns(100)",
        "check = bench_wrap._app.wire_check",
        "before = gc.mem_alloc()",
        "check.begin_session()",
        f"bench_wrap.run_turns({TURNS})",
        "print(gc.mem_alloc() - before, bench_wrap.is_running(), check.due_in_ms())",
    ]
    grown, sound, due_ms = repl_board.run_code("\n".join(lines), 10 * (100 + TURNS)).split()
    assert (int(grown), sound) == (bounds.STEP_BYTES, "True")
    assert int(due_ms) > limits.WIRE_CHECK_MS - 10 * TURNS  # a window has come and gone


def test_a_push_of_telemetry_allocates_nothing(repl_board: ReplBoard) -> None:
    """From the sample to the bytes that the port has taken, in a running session."""
    repl_board.run_code(
        "import bench_wrap, gc; bench_wrap.begin_session(); gc.collect(); gc.disable()"
    )
    lines = [
        "before = pushes = 0",
        "app = bench_wrap._app",
        "write = app.status_view.write_sample",
        f"for n in range({PUSHES} + 1):",
        " if n == 1:",
        "  before = gc.mem_alloc()",
        " pushes += app.server.push('sample', write)",
        " while not app.server.is_idle():",
        "  app.server.poll(10)",
        "grown = gc.mem_alloc() - before",
        "print('grown', grown, pushes)",
    ]
    printed = repl_board.run_code("\n".join(lines), 1000)
    said = printed[printed.rindex("grown") :].split()
    assert said == ["grown", str(bounds.PUSH_BYTES), str(PUSHES + 1)]


def test_what_a_watching_host_asks_again_and_again_allocates_next_to_nothing(lit: Bench) -> None:
    """With a clock, whose seconds are no small integer, as a host that watches has set it."""
    lit.client.call("clock.set", {"t": 1_800_000_000})
    requests: dict[str, dict[str, int]] = {
        "status": {},
        "telemetry": {"every_ms": 250, "ms": 60_000},
        "lease": {"ms": 3000},
    }
    for method, params in requests.items():
        lit.client.call(method, params)  # what it is parsed to is kept

    def measure(method: str, count: int) -> int:
        def run() -> str:
            for _ in range(count):
                lit.client.call(method, requests[method])
            return lit.twin.repl("import wrap_usb; print(wrap_usb.allocated())")

        return int(in_a_copy(run))

    nothing = measure("status", 0)
    allocated = {method: measure(method, STATUSES) - nothing for method in requests}
    assert allocated["status"] <= STATUSES * bounds.STATUS_BYTES
    # The prompt that reads the count takes 64 bytes more or less at another moment.
    assert max(allocated["telemetry"], allocated["lease"]) < STATUSES * BLOCK


def test_the_c_writer_has_the_bytes_of_a_dictionary(repl_board: ReplBoard) -> None:
    """wrap_json.c against `dumps`, both on the chip."""
    code = (Path(__file__).parent / "json_lines_guest.py").read_text()
    lines, too_long = repl_board.run_code(code, 20_000).split()[-2:]
    assert (int(lines), int(too_long)) == (400, 128)


def test_the_c_reader_reads_as_the_plain_one(repl_board: ReplBoard) -> None:
    """wrap_json.c against wrap/link/frames.py, both on the chip."""
    code = (Path(__file__).parent / "request_lines_guest.py").read_text()
    counts = repl_board.run_code(code, 20_000).split()[-3:]
    assert [int(count) for count in counts] == [253, 30, 655]


def test_steps_begin_in_time_and_a_flood_moves_none_by_2_ms_and_loses_no_record(
    session: Session,
) -> None:
    session.watch_ms(200, False)  # what was asked is answered
    calm = session.watch_ms(CALM_MS, False)
    flooded = session.watch_ms(FLOOD_MS, True)
    assert flooded.figures["ms_port_not_full"] <= 2
    assert flooded.figures["bytes"] > 20_000
    for seen, ms, bound in (
        (calm, CALM_MS, bounds.JITTER_CALM_US),
        (flooded, FLOOD_MS, bounds.JITTER_FLOOD_US),
    ):
        begins = [began / 1000 for began, _ in seen.steps]
        drift = [began - begins[0] - STEP_US * n for n, began in enumerate(begins)]
        # A step counts when it ends, so one that takes longer at either end of the time makes one
        # more or less. A lost step would be a drift of 10 ms.
        assert abs(len(begins) - ms // 10) <= 1
        assert max(drift) - min(drift) <= bound
    assert max(flooded.gaps_us) - min(calm.gaps_us) <= LIMIT_US
    assert max(calm.gaps_us) - min(flooded.gaps_us) <= LIMIT_US
    # The second's work takes more than LIMIT_US by itself: such steps are compared with such.
    assert max(flooded.took_us) - max(calm.took_us) <= LIMIT_US
    usual = sorted(flooded.took_us)[: -1 - FLOOD_MS // 1000]
    assert max(usual) - min(calm.took_us) <= LIMIT_US
    log = session.verify_log()
    assert (log["records_lost"], log["sessions_sealed"]) == (0, 1)


def test_the_image_stays_small(image: Path) -> None:
    facts = json.loads(image.with_suffix(".json").read_text())
    newer = sources.SUITE != sources.BASE_SUITE
    most = bounds.NEWER_IMAGE_BYTES if newer else bounds.IMAGE_BYTES
    assert facts["flash_bytes"] <= most
