"""Entry points: the command `gristmill`, and a file per stage for spark-submit."""
