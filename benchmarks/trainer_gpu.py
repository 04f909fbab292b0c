"""What share of a GPU's peak does a whole training step reach, and is the planned memory what is used?

A whole step: loader, document mask, loss, gradients, clipping, AdamW and the log, in bfloat16 with compiled layers, on
shards of random tokens in documents of some 700 tokens. MFU by the formula of trainer/plan.py; the first steps, which
compile, do not count. Several GPUs: put `torchrun --standalone --nproc-per-node N` in front.

    python benchmarks/trainer_gpu.py [preset:seq_len:micro_sequences ...]    by default 124M, 360M and 1.1B at 2048

Prints one JSON line a model: tokens a second, MFU, bytes planned and used. Needs a GPU.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from trainer_loader import VOCAB_SIZE, write_data_set

from trainer import log, loop
from trainer.data import open_data
from trainer.parallel import joined
from trainer.plan import flops_per_token, memory, mfu, peak_flops
from trainer.settings import ModelShape, Settings

DEFAULT = ("124M:2048:32", "360M:2048:16", "1.1B:2048:8")
TOKENS_A_STEP = 1 << 19
WARM_UP = 8


def measure(preset: str, seq_len: int, micro: int, steps: int = 20) -> dict[str, Any]:
    """Figures of one model. Raises RuntimeError where there is no GPU."""
    if not torch.cuda.is_available():
        raise RuntimeError("no GPU here")
    with tempfile.TemporaryDirectory() as name, joined() as world:
        folder = Path(name)
        write_data_set(folder, 64_000_000)
        sequences = max(micro * world.size, TOKENS_A_STEP // seq_len)
        given: dict[str, Any] = {"shards": name, "output": f"{name}/out", "model": {"preset": preset}}
        given |= {
            "seq_len": seq_len,
            "phases": [{"steps": steps}],
            "batch": {"sequences": sequences, "micro_sequences": micro},
        }
        settings = Settings.model_validate(given | {"skip": {"sigmas": None}})
        with log.opened(settings, world.is_first) as events:
            run = loop.start(settings, open_data(settings), world, events, lambda _: None)
            for _ in range(WARM_UP):
                loop.update(run, [])
            torch.cuda.synchronize()
            began = time.perf_counter()
            for _ in range(steps - WARM_UP):
                loop.update(run, [])
            torch.cuda.synchronize()
            seconds = time.perf_counter() - began
        shape = ModelShape.model_validate({"preset": preset})
        rate = (steps - WARM_UP) * sequences * seq_len / seconds
        peak = peak_flops(settings.peak_tflops, world.device)
        flops = flops_per_token(shape, VOCAB_SIZE, seq_len)
        return {
            "device": torch.cuda.get_device_name(),
            "model": preset,
            "seq_len": seq_len,
            "devices": world.size,
            "tokens_per_second": round(rate),
            "mfu": None if peak is None else round(mfu(rate, flops, world.size, peak), 4),
            "planned_bytes": memory(shape, VOCAB_SIZE, settings, world.size)["total"],
            "peak_bytes": torch.cuda.max_memory_reserved(),
        }


def main() -> None:
    for wanted in sys.argv[1:] or DEFAULT:
        preset, seq_len, micro = [*wanted.split(":"), "2048", "8"][:3]
        torch.cuda.reset_peak_memory_stats()
        print(json.dumps(measure(preset, int(seq_len), int(micro))), flush=True)


if __name__ == "__main__":
    main()
