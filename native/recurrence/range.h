// Half-open ranges, and the division of work into them.
#pragma once

#include <algorithm>
#include <cstddef>

namespace elman {

inline std::size_t rounded(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

struct Range {
    std::size_t first, last;
    std::size_t size() const { return last - first; }
};

// The share of thread `rank` of `size` in n items, in multiples of `step`.
inline Range share(std::size_t n, std::size_t step, int rank, int size) {
    const std::size_t pieces = (n + step - 1) / step;
    const auto at = [&](int r) {
        return std::min(n, pieces * static_cast<std::size_t>(r) / static_cast<std::size_t>(size) * step);
    };
    return {at(rank), at(rank + 1)};
}

}  // namespace elman
