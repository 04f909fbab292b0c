"""The stages: functions that read tables of a run and write others; they choose no paths and start no session."""
