"""Tests of `tinynet.kernels`: arrays in, arrays out."""
