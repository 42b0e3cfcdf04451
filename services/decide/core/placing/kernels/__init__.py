"""The search itself: plain functions over two flat buffers, translated by numba or interpreted."""
