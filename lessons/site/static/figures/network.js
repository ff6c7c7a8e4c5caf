// A trained network in plain JavaScript: the whole way from an image to its answer,
// without a library.
//
// Batch norm is not here: in evaluation it is a scale and a shift per channel, and
// both went into the weights and biases when this page was made
// (lessons/site/figures.py). A dropout does nothing in evaluation. Numbers are
// float32, as in tinynet: whatever is put into a Float32Array is rounded to it.
"use strict";

const network = (() => {
  // An image of H x W pixels with C channels. Those of one pixel stand side by side:
  // channel c at row i and column j is values[(i * W + j) * C + c].
  function image(H, W, C, values = new Float32Array(H * W * C)) {
    return { H, W, C, values };
  }

  // Padding "same": there is a window for every stride-th pixel. What windows miss at
  // the borders is shared out on both sides, an odd pixel at the end.
  function same(size, kernel, stride) {
    const outputs = Math.ceil(size / stride);
    const missing = Math.max((outputs - 1) * stride + kernel - size, 0);
    return { outputs, before: Math.floor(missing / 2) };
  }

  // Slides a window over x, and calls visit(y, to, from, tap) for each pixel `to` of
  // the result y and each pixel `from` of x in its window, at place `tap` of the
  // kernel. Pixels beyond the border would be zeros, and zeros add nothing. The
  // result starts as the bias.
  function slide(x, { kernel, stride, bias }, visit) {
    const rows = same(x.H, kernel, stride), columns = same(x.W, kernel, stride);
    const y = image(rows.outputs, columns.outputs, bias.length);
    for (let i = 0; i < y.H; i++) {
      for (let j = 0; j < y.W; j++) {
        const to = i * y.W + j;
        y.values.set(bias, to * y.C);
        for (let u = 0; u < kernel; u++) {
          for (let v = 0; v < kernel; v++) {
            const row = i * stride + u - rows.before;
            const column = j * stride + v - columns.before;
            const inside = row >= 0 && row < x.H && column >= 0 && column < x.W;
            if (inside) visit(y, to, row * x.W + column, u * kernel + v);
          }
        }
      }
    }
    return y;
  }

  // Standard convolution: every channel out is a sum over the window and all channels
  // in. With a kernel of one pixel it is the pointwise convolution, and on an image
  // of one pixel a dense layer.
  function convolution(x, layer) {
    const { weight, bias } = layer, outputs = bias.length;
    return slide(x, layer, (y, to, from, tap) => {
      for (let c = 0; c < x.C; c++) {
        const value = x.values[from * x.C + c];
        if (value === 0) continue; // as ReLU leaves many
        const first = (tap * x.C + c) * outputs;
        for (let o = 0; o < outputs; o++) {
          y.values[to * outputs + o] += value * weight[first + o];
        }
      }
    });
  }

  // Depthwise convolution: every channel for itself.
  function depthwise(x, layer) {
    const { weight } = layer, C = x.C;
    return slide(x, layer, (y, to, from, tap) => {
      for (let c = 0; c < C; c++) {
        y.values[to * C + c] += x.values[from * C + c] * weight[tap * C + c];
      }
    });
  }

  // The mean of each channel over the image, as an image of one pixel.
  function mean(x) {
    const y = image(1, 1, x.C), pixels = x.H * x.W;
    for (let c = 0; c < x.C; c++) {
      let sum = 0;
      for (let pixel = 0; pixel < pixels; pixel++) sum += x.values[pixel * x.C + c];
      y.values[c] = sum / pixels;
    }
    return y;
  }

  const KINDS = { convolution, depthwise, mean };

  // The network: one layer after the other. The values that come out are the logits,
  // a number per class.
  function logits(layers, x) {
    for (const layer of layers) {
      x = KINDS[layer.kind](x, layer);
      if (layer.relu) x.values.forEach((value, k) => (x.values[k] = Math.max(0, value)));
    }
    return x.values;
  }

  // Logits as probabilities: exponentials, divided by their sum. The largest logit is
  // taken off first, which changes nothing but keeps the exponentials finite.
  function softmax(values) {
    const largest = Math.max(...values);
    const exponentials = Array.from(values, (value) => Math.exp(value - largest));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    return exponentials.map((value) => value / sum);
  }

  // Products that an image of H x W pixels and C channels takes, with those of the
  // zeros beyond the border.
  function multiplyAdds(layers, H, W, C) {
    let total = 0;
    for (const { kind, kernel, stride, bias } of layers) {
      const outputs = (size) => (kind === "mean" ? 1 : same(size, kernel, stride).outputs);
      [H, W] = [outputs(H), outputs(W)];
      if (kind === "convolution") total += H * W * kernel * kernel * C * bias.length;
      if (kind === "depthwise") total += H * W * kernel * kernel * C;
      C = bias ? bias.length : C;
    }
    return total;
  }

  // The bytes behind base64, the text in which numbers travel.
  const bytes = (text) => Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);

  // Layers as figures.py writes them, with their weights as numbers.
  function read(layers) {
    return layers.map((layer) => {
      if (!layer.weight) return layer;
      return { ...layer, weight: floats(layer.weight), bias: floats(layer.bias) };
    });
  }

  return { image, logits, softmax, multiplyAdds, bytes, read };
})();
