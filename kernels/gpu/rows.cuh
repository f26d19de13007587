// Synapses drawn source by source; `kernels/reference/rows.py` explains.
//
// ROW_STEP, ROW_FIRST, ROW_SECOND and ROW_EVEN are the numbers given there, written above all sources.
#pragma once
#include "random.cuh"

// Random word `draw` of the source whose `row_key` is `inner`.
DEVICE uint32 row_word(uint64 inner, uint32 draw) {
    uint32 word = uint32(inner) + draw * ROW_STEP;
    word = (word ^ (word >> 16)) * ROW_FIRST ^ uint32(inner >> 32);
    word = (word ^ (word >> 15)) * ROW_SECOND;
    return word ^ (word >> 15);
}

// The target that a random word chooses among `choices`; where skip_self is 1, never `source`.
DEVICE uint32 chosen(uint32 word, uint32 choices, uint32 skip_self, uint32 source) {
    const uint32 target = uint32(uint64(word) * choices >> 32);
    return target + (skip_self & uint32(target >= source));
}

// A mask of the low bits of a word that are independent of its target among `choices`, see `own_bits`.
DEVICE uint32 own_mask(uint32 choices) {
    int own = choices & (choices - 1) ? 32 - ROW_EVEN : 32;
    for (uint32 above = choices - 1; above; above >>= 1) --own;
    return own >= 16 ? 0xFFFFu : own > 0 ? (1u << own) - 1 : 0u;
}

// The bits for the level of a draw: from its `word` where the mask `low` is set, else from a second word.
DEVICE uint32 level_bits(uint64 inner, uint32 draw, uint32 word, uint32 low, uint32 mask) {
    if (!(mask & ~low)) return word & mask;
    return (word & low | row_word(mix(inner + GOLDEN), draw) & ~low) & mask;
}

// The first draw of a (source, lag).
DEVICE int64 row_begin(uint32 size, uint32 share, int64 offset) { return (int64(size) * share >> 16) + offset; }
