"""Gradient checks of whole layers: over the input and every parameter."""

import numpy as np

import tinynet as tn


def check_layer(layer, *input_shape, seed=0):
    """Run `tn.gradcheck` with the layer's parameters as further inputs, random and in float64."""
    rng = np.random.default_rng(seed)
    names = [name for name, _ in layer.named_parameters()]
    arrays = [rng.standard_normal(parameter.shape) for parameter in layer.parameters()]
    layer.astype(np.float64)

    def run(x, *parameters):
        for name, parameter in zip(names, parameters, strict=True):
            owner = layer
            *path, attribute = name.split(".")
            for part in path:
                owner = getattr(owner, part)
            setattr(owner, attribute, parameter)
        tn.seed(seed)  # the same dropout every time
        return layer(x)

    tn.gradcheck(run, rng.standard_normal(input_shape), *arrays)


def images(*shape, seed=0):
    """Random float32 images."""
    return tn.Tensor(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))
