// The arithmetic of the figure on separable convolutions: small numbers, computed and counted one by one.
// It is a file of its own because it knows nothing of the page; tests/lessons/test_separable_figure.py holds
// the values and the counts equal to tinynet's.
"use strict";

const convolution = (() => {
  const SIDE = 6; // rows and columns of the input

  // The input, a small picture for each channel.
  const PICTURES = [
    ["000000", "022220", "022220", "022220", "022220", "000000"],
    ["300000", "030000", "003000", "000300", "000030", "000003"],
    ["011110", "100001", "103001", "100001", "100001", "011110"],
    ["111111", "000000", "222222", "000000", "333333", "000000"],
  ];

  // The depthwise filters, one for each channel: the weight u rows below and v columns right of the middle.
  const FILTERS = [
    { name: "left to right", weight: (u, v) => Math.sign(v) },
    { name: "top to bottom", weight: (u) => Math.sign(u) },
    { name: "points", weight: (u, v, reach) => (u && v ? 0 : u || v ? -1 : 4 * reach) },
    { name: "sum", weight: (u, v, reach) => (Math.abs(u) + Math.abs(v) <= reach ? 1 : 0) },
  ];

  // The pointwise weights: a row for each channel in, a column for each channel out.
  const MIXES = [
    [1, 1, -1, 2, -1, 1, 2, -1],
    [1, -1, 1, 0, 1, 0, -1, -1],
    [1, 0, 1, -1, 1, 2, 1, 0],
    [1, 1, -1, 0, 0, -1, 1, 2],
  ];

  const range = (count) => Array.from({ length: count }, (_, index) => index);
  const grids = (count, side) => range(count).map(() => range(side).map(() => Array(side).fill(null)));
  const total = (terms) => terms.reduce((sum, [x, w]) => sum + x * w, 0);

  // Sizes and numbers for M channels in, N channels out and kernels of K x K: input[channel][row][column],
  // filters[channel][row][column] and mixes[channel in][channel out].
  function problem(M, N, K) {
    const reach = (K - 1) / 2;
    return {
      M, N, K,
      G: SIDE - K + 1, // rows and columns of the output: the window stays inside of the input
      input: PICTURES.slice(0, M).map((rows) => rows.map((row) => [...row].map(Number))),
      filters: FILTERS.slice(0, M).map(({ weight }) =>
        range(K).map((u) => range(K).map((v) => weight(u - reach, v - reach, reach)))),
      mixes: MIXES.slice(0, M).map((row) => row.slice(0, N)),
    };
  }

  // The products that give one number, each as [value, weight]. One product is one multiply-add.

  // Depthwise: K * K products, of one channel with its own filter.
  function depthwiseTerms({ K, input, filters }, i, j, m) {
    return range(K).flatMap((u) => range(K).map((v) => [input[m][i + u][j + v], filters[m][u][v]]));
  }

  // Pointwise: M products, of what the depthwise convolution left at one place with a column of weights.
  function pointwiseTerms({ M, mixes }, middle, i, j, n) {
    return range(M).map((m) => [middle[m][i][j], mixes[m][n]]);
  }

  // Standard: K * K * M products, of all channels with one filter for them all. Its weights are here the
  // products of the depthwise and pointwise ones, so it computes the same number.
  function standardTerms(given, i, j, n) {
    return range(given.M).flatMap((m) =>
      depthwiseTerms(given, i, j, m).map(([x, w]) => [x, w * given.mixes[m][n]]));
  }

  // Every number in turn. At each place of the window come M numbers of the depthwise convolution, then N of
  // the pointwise one. With each of those N the standard convolution computes its own too. A step holds its
  // products and its value, and how many multiply-adds there have been by its end.
  function run(M, N, K) {
    const given = problem(M, N, K);
    const middle = grids(M, given.G), output = grids(N, given.G), standardOutput = grids(N, given.G);
    const steps = [];
    let separable = 0, standard = 0;
    const note = (step) => steps.push({ ...step, separable, standard });
    for (const i of range(given.G)) {
      for (const j of range(given.G)) {
        for (const m of range(M)) {
          const terms = depthwiseTerms(given, i, j, m);
          middle[m][i][j] = total(terms);
          separable += terms.length;
          note({ stage: "depthwise", i, j, channel: m, terms, value: middle[m][i][j] });
        }
        for (const n of range(N)) {
          const terms = pointwiseTerms(given, middle, i, j, n), all = standardTerms(given, i, j, n);
          output[n][i][j] = total(terms);
          standardOutput[n][i][j] = total(all);
          separable += terms.length;
          standard += all.length;
          note({ stage: "pointwise", i, j, channel: n, terms, value: output[n][i][j] });
        }
      }
    }
    return { ...given, middle, output, standardOutput, steps };
  }

  return { SIDE, FILTERS, run };
})();
