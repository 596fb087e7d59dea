"""The figures of docs/how-sparse-convolution-works.md: each file computes with the engine, asserts and draws."""
