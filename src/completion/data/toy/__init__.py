"""Toy shapes: everyday things made from a seed in milliseconds, so that training needs no download."""

from completion.data.toy.shapes import CATEGORIES, ToyShapes

__all__ = ["CATEGORIES", "ToyShapes"]
