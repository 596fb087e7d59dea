"""`completion build`: compiles the native operators ahead of their first use.

How they are compiled is completion.ops.recipe's.
"""

from omegaconf import DictConfig


def run(cfg: DictConfig) -> None:
    """Builds the library into the package, where every later import finds it, and prints its path.

    Args:
        cfg: `cuda` (true, false or null for what the machine offers).
    """
    from completion.ops import build

    print(build.build_ahead(cfg.cuda))
