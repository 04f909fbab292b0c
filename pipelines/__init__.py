"""The stages: functions that read tables of a run and write others. They choose no paths and create no Spark session."""
