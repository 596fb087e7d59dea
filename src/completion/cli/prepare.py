"""completion prepare: makes and caches training data, prints where it is, what was left out or changed."""

from omegaconf import DictConfig, OmegaConf


def run(cfg: DictConfig) -> None:
    """Prepares the configured source."""
    from completion.training.instantiate import instantiate
    from completion.training.preparing import print_progress

    data = OmegaConf.to_container(cfg.data, resolve=True, throw_on_missing=True)
    assert isinstance(data, dict)
    source, preparation = (instantiate(data[key], f"data.{key}") for key in ("source", "preparation"))
    prepared = preparation.run(source, print_progress)
    counts = ", ".join(f"{count} {split}" for split, count in prepared.counts.items())
    print(f"prepared: {prepared.path} ({counts})")
    if prepared.skipped:
        print(f"skipped {len(prepared.skipped)}:")
    for skipped in prepared.skipped:
        print(f"skipped {skipped.name}: {skipped.reason}")
    if prepared.noted:
        print(f"noted {len(prepared.noted)}:")
    for noted in prepared.noted:
        print(f"noted {noted.name}: {noted.note}")
