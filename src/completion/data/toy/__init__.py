"""Toy shapes: everyday things made from a seed in milliseconds, so that training runs without any download."""

from completion.data.toy.shapes import CATEGORIES, ToyShapes

__all__ = ["CATEGORIES", "ToyShapes"]
