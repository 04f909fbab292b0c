"""spark-submit entry point of the stage `train_tokenizer`; the same as `gristmill train_tokenizer`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("train_tokenizer")
