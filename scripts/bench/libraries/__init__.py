"""One file per library: what runs for each operation; `None` where the library has none."""
