"""What bench_ops.py and bench_step.py share: inputs, libraries, timing, the machine's limits, the table."""
