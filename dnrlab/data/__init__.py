"""From manifests of videos to batches of clips: decoding, index samplers, transforms, datasets, synthetic videos."""
