"""The figures of docs/how-sparse-convolution-works.md: each file asserts what it draws."""
