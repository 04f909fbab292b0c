"""spark-submit entry point of the stage `train_quality`; the same as `gristmill train_quality`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("train_quality")
