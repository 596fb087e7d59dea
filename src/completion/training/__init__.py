"""Training with Lightning: module, data module, callbacks, run folders. No Hydra, no drawing."""
