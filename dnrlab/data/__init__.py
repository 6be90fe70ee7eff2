"""Videos in: manifest, decoding, index samplers, transforms, datasets, and a maker of synthetic videos."""
