"""One page about a dataset: what its scenes and pairs are like, style by style."""
