"""How a training saves its checkpoints: whole or not at all, also where the disk is full."""

from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO

from completion.training.run import write_checkpoint


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's own writes into the system's temporary folder and moves, which can end half-way."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Writes the checkpoint beside its place and renames it; Lightning writes what is no file here."""
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
        else:
            write_checkpoint(checkpoint, path)
