"""spark-submit entry point of the stage `pack_chat`; the same as `gristmill pack_chat`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("pack_chat")
