"""What runs in a Python worker: kernels on Arrow batches, bytes and strings. No pyspark, pydantic, YAML or torch."""
