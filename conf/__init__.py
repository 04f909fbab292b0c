"""Settings files, and the loader that reads them. Imports none of our other packages."""
