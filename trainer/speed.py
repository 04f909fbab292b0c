"""How fast this machine trains: a few steps of a run, timed and thrown away."""

import time

import torch

from trainer.build import build
from trainer.data import DataSet
from trainer.device import autocast, pick_device, tensors
from trainer.optim import make_optimizers
from trainer.settings import Settings
from trainer.stream import Stream

STEPS = 4  # the first one warms up


def tokens_per_second(settings: Settings, data: DataSet) -> float:
    """Of training on one device: that of the fastest of STEPS steps."""
    device = pick_device()
    model = build(settings, data.manifest.tokenizer.vocab_size).to(device)
    optimizers, stream = make_optimizers(model, settings.optimizer), Stream(settings, data)
    best = 0.0
    for step in range(STEPS):
        began = time.perf_counter()
        batch = stream.batch(min(step, settings.steps - 1))
        for row in range(0, len(batch.tokens), settings.batch.micro_sequences):
            with autocast(device, settings):
                loss = model(**tensors(batch.rows(row, row + settings.batch.micro_sequences), device))
            (loss / batch.n_targets).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = max(best, batch.tokens.size / (time.perf_counter() - began))
    return best
