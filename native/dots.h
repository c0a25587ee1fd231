// Sums over the lanes of panels: the gradients of weights where the rows of a batch are the lanes.
#pragma once

#include "kernels.h"
#include "product.h"

namespace elman::ELMAN_TARGET_NAME {

// M rows of the a-panels by N of the b-panels. Each pair of rows has a vector of sums of its own until the end.
template <class T, int M, int N>
__attribute__((noinline)) void dot_tile(const Dots<T>& p, std::size_t i, std::size_t j) {
    constexpr std::size_t width = panel_width<T>;
    Vector<T> sum[M][N] = {};
    for (std::size_t q = 0; q < p.pairs; ++q) {
        const T* a = p.a[q] + (p.first + i) * width;
        const T* b = p.b[q] + j * width;
        for (std::size_t lane = 0; lane < p.lanes; lane += lanes<T>) {
            Vector<T> right[N];
#pragma GCC unroll 16
            for (int n = 0; n < N; ++n) right[n] = load<T>(b + n * width);
#pragma GCC unroll 16
            for (int m = 0; m < M; ++m) {
                const Vector<T> left = load<T>(a + m * width);
#pragma GCC unroll 16
                for (int n = 0; n < N; ++n) sum[m][n] += left * right[n];
            }
            a += lanes<T>;
            b += lanes<T>;
            // else GCC keeps the next lanes' vectors that lie in a row already read, in registers that it has not
            asm("" : "+r"(a), "+r"(b));
        }
    }
    constexpr int width_of = static_cast<int>(lanes<T>), blocks = (M * N + width_of - 1) / width_of;
    alignas(64) T total[blocks * width_of];
#pragma GCC unroll 16
    for (int block = 0; block < blocks; ++block) {
        Vector<T> part[width_of];
#pragma GCC unroll 16
        for (int k = 0; k < width_of; ++k) {
            const int at = block * width_of + k;
            part[k] = at < M * N ? sum[at / N][at % N] : Vector<T>{};
        }
        sums_of<T>(part);
        store<T>(part[0], total + block * width_of);
    }
    for (int m = 0; m < M; ++m) {
        for (int n = 0; n < N; ++n) p.c[i + m][j + n] += total[m * N + n];
    }
}

template <class T, int M>
__attribute__((noinline)) void lane_sums(const Dots<T>& p, std::size_t i) {
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

// As many of either as leave the sums in registers; rows of b that fill no tile are spread over all of them.
#if defined(__AVX512F__)
constexpr int dot_rows = 4, dot_columns = 6;
#else
constexpr int dot_rows = 3, dot_columns = 4;
#endif

template <class T, int M>
ELMAN_INLINE void dots_of_rows(const Dots<T>& p, std::size_t i) {
    static constexpr void (*tiles[])(const Dots<T>&, std::size_t, std::size_t) = {
        dot_tile<T, M, 1>, dot_tile<T, M, 2>, dot_tile<T, M, 3>, dot_tile<T, M, 4>,
#if defined(__AVX512F__)
        dot_tile<T, M, 5>, dot_tile<T, M, 6>,
#endif
    };
    const std::size_t count = p.c == nullptr ? 0 : (p.n + dot_columns - 1) / dot_columns;
    for (std::size_t t = 0; t < count; ++t) {
        const std::size_t j = p.n * t / count, next = p.n * (t + 1) / count;
        tiles[next - j - 1](p, i, j);
    }
    if (p.sums != nullptr) lane_sums<T, M>(p, i);
}

template <class T>
void dots(const Dots<T>& p) {
    std::size_t i = 0;
    for (; i + dot_rows <= p.m; i += dot_rows) dots_of_rows<T, dot_rows>(p, i);
    for (; i < p.m; ++i) dots_of_rows<T, 1>(p, i);
}

}  // namespace elman::ELMAN_TARGET_NAME
