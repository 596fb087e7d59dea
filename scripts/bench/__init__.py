"""What the benches share: inputs, libraries, timing, the machine's limits, the table."""
