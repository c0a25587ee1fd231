// A counter-based RNG: SplitMix64 (Steele, Lea and Flood 2014) of seed + (i + 1) · golden ratio. An element's bits
// follow from its index alone, so vectors of them are drawn at once. src/elman/nn/masks.py draws the same on tensors.
#pragma once
#pragma once

#include "kernels/arguments.h"
#include "kernels/simd.h"

namespace elman::ELMAN_TARGET_NAME {

ELMAN_INLINE std::uint64_t splitmix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

// Each element takes one Piece of the words, in memory order.
template <class Piece>
void draw_pieces(const Draw& d) {
    constexpr std::size_t words = 64, pieces = words * sizeof(std::uint64_t) / sizeof(Piece);
    const auto last = static_cast<Piece>(d.limit - 1);
    std::uint64_t number = 0;
    for (std::size_t at = 0; at < d.count; at += pieces) {
        std::uint64_t word[words];
        for (std::size_t i = 0; i < words; ++i) word[i] = splitmix(d.seed + ++number * 0x9E3779B97F4A7C15);
        Piece piece[pieces];
        __builtin_memcpy(piece, word, sizeof word);
        std::uint8_t kept[pieces];
        for (std::size_t i = 0; i < pieces; ++i) kept[i] = piece[i] <= last;
        __builtin_memcpy(d.out + at, kept, d.count - at < pieces ? d.count - at : pieces);
    }
}

inline void draw(const Draw& d) {
    if (d.limit == 0) {
        __builtin_memset(d.out, 0, d.count);
    } else if (d.bits == 16) {
        draw_pieces<std::uint16_t>(d);
    } else {
        draw_pieces<std::uint32_t>(d);
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
