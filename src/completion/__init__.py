"""Shape completion with generative sparse convolutions: partial scan in, completed shape out."""

__version__ = "0.1.0"
