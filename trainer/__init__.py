"""The trainer: from shards to a Llama. Knows nothing of Spark and needs nothing of the pipeline but udfs.shards."""
