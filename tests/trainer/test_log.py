"""The log: lines that add up to a run, and numbers for those who draw them."""

import io
import json

from trainer.log import Log


def test_an_event_is_a_line_and_its_numbers_go_to_every_sink() -> None:
    stream, taken = io.StringIO(), []
    log = Log(stream, [lambda name, value, step: taken.append((name, value, step))])
    log.record("held_out", 3, sources={"web": {"loss": 2.5}}, note="words are no numbers")
    assert json.loads(stream.getvalue()) == {
        "event": "held_out",
        "step": 3,
        "sources": {"web": {"loss": 2.5}},
        "note": "words are no numbers",
    }
    assert taken == [("held_out/sources/web/loss", 2.5, 3)]


def test_a_process_without_a_stream_writes_nothing() -> None:
    taken: list[str] = []
    Log(None, [lambda name, value, step: taken.append(name)]).record("update", 1, loss=2.0)
    assert taken == []
