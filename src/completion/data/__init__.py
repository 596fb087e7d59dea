"""Floor 1': readers, scan simulators, voxelisation, data sets and batches; numpy and torch CPU only."""
