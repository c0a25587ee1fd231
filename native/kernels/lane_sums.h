// Sums over the lanes of panels: weight gradients with the batch in SIMD lanes.
#pragma once

#include "kernels/arguments.h"
#include "kernels/lanes.h"
#include "kernels/tile.h"

namespace elman::ELMAN_TARGET_NAME {

constexpr int power_of_two(int least) {
    int n = 1;
    while (n < least) n *= 2;
    return n;
}

// M rows of the a-panels by N rows of the b-panels, and with Sums the sums of the former. Each has its own vector until
// the end, when the sums of a row of a are laid side by side, padded so that no row is split between two vectors.
template <class T, int M, int N, bool Sums>
__attribute__((noinline)) void lane_tile(const LaneSums<T>& p, std::size_t i, std::size_t j) {
    constexpr std::size_t width = panel_width<T>, ahead = tuning::lane_pairs_ahead;
    constexpr int columns = N + Sums;
    Vector<T> sum[M][columns] = {};
    for (std::size_t q = 0; q < p.pairs; ++q) {
        const T* a = p.a[q] + (p.first + i) * width;
        const T* b = p.b[q] + j * width;
        // too far apart for the hardware prefetcher
        const std::size_t later = smaller(q + ahead, p.pairs - 1);
        const T* coming = p.b[later] + j * width;
        for (std::size_t lane = 0; lane < p.lanes; lane += lanes<T>) {
            Vector<T> right[N];
#pragma GCC unroll 16
            for (int n = 0; n < N; ++n) {
                right[n] = load<T>(b + n * width);
                __builtin_prefetch(coming + n * width);
            }
#pragma GCC unroll 16
            for (int m = 0; m < M; ++m) {
                const Vector<T> left = load<T>(a + m * width);
#pragma GCC unroll 16
                for (int n = 0; n < N; ++n) sum[m][n] += left * right[n];
                if (Sums) sum[m][columns - 1] += left;
            }
            a += lanes<T>;
            b += lanes<T>;
            coming += lanes<T>;
            // else GCC loads the next lanes' vectors early, and spills
            asm("" : "+r"(a), "+r"(b));
        }
    }
    constexpr int slots = power_of_two(columns), step = static_cast<int>(lanes<T>),
                  blocks = (M * slots + step - 1) / step;
    Vector<T> total[blocks];
#pragma GCC unroll 16
    for (int block = 0; block < blocks; ++block) {
        Vector<T> part[step];
        unsigned present = 0;
#pragma GCC unroll 16
        for (int k = 0; k < step; ++k) {
            const int m = (block * step + k) / slots, n = (block * step + k) % slots;
            const bool wanted = m < M && n < columns;
            part[k] = wanted ? sum[m][n] : Vector<T>{};
            present |= static_cast<unsigned>(wanted) << k;
        }
        sums_of<T>(part, present);
        total[block] = part[0];
    }
    const auto row = [&]<int m>() __attribute__((always_inline)) {
        T* const to = p.c[i + m] + j;
        constexpr int block = m * slots / step, shift = m * slots % step;
#pragma GCC unroll 16
        for (int n = 0; n < columns; n += step) {
            const Vector<T> values = from_lane<T, shift>(total[block + n / step]);
            if (n < N) store_first<T>(load_first<T>(to + n, N - n) + values, to + n, N - n);
            if (Sums && N - n < step) *p.sums[i + m] += values[N - n];
        }
    };
    row.template operator()<0>();
    if constexpr (M > 1) row.template operator()<1>();
    if constexpr (M > 2) row.template operator()<2>();
    if constexpr (M > 3) row.template operator()<3>();
    static_assert(M <= 4);
}

template <class T, int M>
__attribute__((noinline)) void row_sums(const LaneSums<T>& p, std::size_t i) {
    Vector<T> sum[M] = {};
    for (std::size_t q = 0; q < p.pairs; ++q) {
        const T* a = p.a[q] + (p.first + i) * panel_width<T>;
        for (std::size_t lane = 0; lane < p.lanes; lane += lanes<T>) {
#pragma GCC unroll 16
            for (int m = 0; m < M; ++m) sum[m] += load<T>(a + m * panel_width<T> + lane);
        }
    }
    Vector<T> ends[M];
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) ends[m] = sum[m];
    asm("" : "+m"(ends));
    for (int m = 0; m < M; ++m) *p.sums[i + m] += sum_of<T>(ends[m]);
}

template <class T, int M, bool Sums>
ELMAN_INLINE void lane_sums_of_columns(const LaneSums<T>& p, std::size_t i, std::size_t j, std::size_t count) {
    static constexpr void (*tiles[])(const LaneSums<T>&, std::size_t, std::size_t) = {
        lane_tile<T, M, 1, Sums>, lane_tile<T, M, 2, Sums>, lane_tile<T, M, 3, Sums>, lane_tile<T, M, 4, Sums>,
#if defined(__AVX512F__)
        lane_tile<T, M, 5, Sums>, lane_tile<T, M, 6, Sums>,
#endif
    };
    tiles[count - 1](p, i, j);
}

// The sums count as one more column of the first tile.
template <class T, int M>
ELMAN_INLINE void lane_sums_of_rows(const LaneSums<T>& p, std::size_t i) {
    if (p.c == nullptr) {
        if (p.sums != nullptr) row_sums<T, M>(p, i);
        return;
    }
    const std::size_t extra = p.sums != nullptr, columns = p.n + extra;
    const std::size_t count = (columns + tuning::lane_tile_columns - 1) / tuning::lane_tile_columns;
    std::size_t j = 0;
    for (std::size_t t = 0; t < count; ++t) {
        const std::size_t next = columns * (t + 1) / count - extra;
        if (t == 0 && extra > 0) {
            lane_sums_of_columns<T, M, true>(p, i, j, next - j);
        } else {
            lane_sums_of_columns<T, M, false>(p, i, j, next - j);
        }
        j = next;
    }
}

// A few pairs at a time, because every tile reads their panels of b again, and every tile but the first its rows of a.
template <class T>
void lane_sums(const LaneSums<T>& p) {
    constexpr std::size_t together = tuning::lane_pairs;
    for (std::size_t q = 0; q < p.pairs; q += together) {
        LaneSums<T> block = p;
        block.pairs = smaller(together, p.pairs - q);
        block.a += q, block.b += q;
        std::size_t i = 0;
        for (; i + tuning::lane_tile_rows <= p.m; i += tuning::lane_tile_rows)
            lane_sums_of_rows<T, tuning::lane_tile_rows>(block, i);
        for (; i < p.m; ++i) lane_sums_of_rows<T, 1>(block, i);
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
