"""`completion build`: compiles the native operators ahead of their first use.

How they are compiled is completion.ops.recipe's.
"""

from omegaconf import DictConfig


def run(cfg: DictConfig) -> None:
    """Builds the library into the package, where every later import finds it, and prints its path.

    Args:
        cfg: `cuda` (true, false or null for what the machine offers).

    Raises:
        ValueError: `cuda` is something else.
        ImportError: A compiler is missing or refuses a source.
    """
    if cfg.cuda not in (True, False, None):
        raise ValueError(
            f"build: cuda must be true, false or null, got {cfg.cuda!r}; leave it out to decide here"
        )
    from completion.ops import build

    print(build.build_ahead(cfg.cuda))
