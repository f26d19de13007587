// Counter-based random numbers; the bits are defined in `kernels/reference/random.py`.
//
// EDGE, HEIGHT and TAIL are the tables of `kernels/reference/ziggurat.py`, written above all sources.
#pragma once
#include "launch.cuh"

const uint64 GOLDEN = 0x9E3779B97F4A7C15ull;

// The 64-bit finaliser Mix13, a bijection.
DEVICE uint64 mix(uint64 x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// What (key, step) contribute to `bits`.
DEVICE uint64 row_key(uint64 key, uint64 step) { return mix(key + GOLDEN * (step + 1)); }

// 64 random bits for (key, step, index).
DEVICE uint64 bits(uint64 key, uint64 step, uint64 index) { return mix(row_key(key, step) + GOLDEN * (index + 1)); }

// The number in the open interval (0, 1) that the upper 52 bits of `word` stand for.
DEVICE double unit(uint64 word) { return (double(word >> 12) + 0.5) * (1.0 / 4503599627370496.0); }

DEVICE double uniform(uint64 key, uint64 step, uint64 index) { return unit(bits(key, step, index)); }

// A normal draw outside the inner part of its layer: the value, or -1 if it was rejected; `word` becomes the next word.
DEVICE double outside(uint64& word, int64 layer, double x) {
    word = mix(word + GOLDEN);
    if (layer > 0) {
        const double height = HEIGHT[layer] + unit(word) * (HEIGHT[layer + 1] - HEIGHT[layer]);
        word = mix(word + GOLDEN);
        return height < exp(-0.5 * x * x) ? x : -1.0;
    }
    while (true) {
        const double beyond = -log(unit(word)) / TAIL;
        word = mix(word + GOLDEN);
        if (-2.0 * log(unit(word)) > beyond * beyond) return TAIL + beyond;
        word = mix(word + GOLDEN);
    }
}

// A standard normal number, by the ziggurat.
DEVICE double normal(uint64 key, uint64 step, uint64 index) {
    uint64 word = bits(key, step, index);
    while (true) {
        const int64 layer = word & 255;
        const double sign = word & 256 ? -1.0 : 1.0;
        double x = unit(word) * EDGE[layer];
        if (x < EDGE[layer + 1]) return sign * x;
        x = outside(word, layer, x);
        if (x >= 0.0) return sign * x;
    }
}
