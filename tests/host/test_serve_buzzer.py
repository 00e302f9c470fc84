"""A served twin's console says when its buzzer begins and ends a pattern."""

import threading
from pathlib import Path

from pbmwrap.twin.serve import PtyServer
from tests.host.test_serve import PATIENCE_S, EchoTwin, until


def test_the_buzzer_is_reported_while_it_happens(tmp_path):
    class Buzzing(EchoTwin):
        def buzzes(self):
            edges = [(900, True), (1000, False), (1100, True), (1200, False)]
            return [edge for edge in edges if edge[0] <= self.now_ms]

    replies = (tmp_path / "replies").open("w+")
    stop = threading.Event()
    twin = Buzzing()
    with PtyServer(twin, speed=None) as server:
        thread = threading.Thread(target=server.run, args=(stop, None, replies), daemon=True)
        server.player.happen(press="short")  # time runs as long as something is to happen
        # Private: `_at`, since every public event changes something, and this one only has to keep
        # time running until 5 s.
        server.player._at(5000, lambda: None)
        thread.start()
        reported = ["0.9 s: buzzer: begins", "1.2 s: buzzer: silent after 0.3 s"]
        assert until(lambda: Path(replies.name).read_text().splitlines() == reported)
        stop.set()
        thread.join(PATIENCE_S)
    replies.close()
