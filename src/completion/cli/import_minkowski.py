"""completion import-minkowski: a run folder from weights trained with MinkowskiEngine."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

POSITIONAL = "weights"


def run(cfg: DictConfig) -> None:
    """Imports `cfg.weights` and prints the run folder."""
    from completion.cli.train import anchor
    from completion.training.import_minkowski import import_minkowski

    anchor(cfg)
    config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(config, dict)
    weights = Path(config.pop("weights"))
    net = import_minkowski(weights, {str(key): value for key, value in config.items()})
    parameters = sum(parameter.numel() for parameter in net.parameters())
    print(f"imported {parameters:,} parameters of {len(net.prunes)} levels from {weights}")
    print(f"run folder: {config['run_dir']}")
