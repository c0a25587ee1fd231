#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

// Blocks f i g of x alone, and k, which has no product: the share f / (f + i) of the old state. With σ(a) = 1 / (1 + e^-a)
// it is (1 + e^-b) / ((1 + e^-a) + (1 + e^-b)); both sums are multiplied by e^s, s the least of a, b and 0, so that none
// overflows and not both vanish. Training saves the slopes of k in f and in i in their blocks.
struct MinLstm {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 4,
                .x_first = 0,
                .x_blocks = 3,
                .x_gates = {0, 1, 2},
                .h_first = 4,
                .h_blocks = 0,
                .h_gates = {},
                .phases = 1,
                .phase = {{4, 0}},
                .cell_states = 0,
                .projects = false,
                .extra = 0};
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            const V<T> f = load_first<T>(gates, count), i = load_first<T>(gates + a.block, count);
            const V<T> g = load_first<T>(gates + 2 * a.block, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            const V<T> least = at_most<T>(f < i ? f : i, T(0));
            const V<T> one = Exp::apply<T>(least), of_f = Exp::apply<T>(least - f), of_i = Exp::apply<T>(least - i);
            const V<T> sum_f = one + of_f, sum_i = one + of_i;
            const V<T> k = sum_i / (sum_f + sum_i);
            if (a.saved != nullptr) {
                T* saved = a.saved[row] + j;
                const V<T> slope = k * (T(1) - k);
                store_first<T>(slope * (of_f / sum_f), saved, count);
                store_first<T>(slope * (of_i / sum_i), saved + a.block, count);
                store_first<T>(g, saved + 2 * a.block, count);
                store_first<T>(k, saved + 3 * a.block, count);
            }
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, g + k * (old - g), old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            const V<T> of_f = load_first<T>(gates, count), of_i = load_first<T>(gates + a.block, count);
            const V<T> g = load_first<T>(gates + 2 * a.block, count), k = load_first<T>(gates + 3 * a.block, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            V<T> d = incoming<T>(a, row, j, count);
            const V<T> kept = kept_share<T>(a.zoneout_h, row, j, count, d);
            d -= kept;
            set_direct<T>(a, row, j, count, fused<T>(d, k, kept));
            const V<T> d_k = d * (old - g);
            store_first<T>(d_k * of_f, d_gates, count);
            store_first<T>(-d_k * of_i, d_gates + a.block, count);
            store_first<T>(d * (T(1) - k), d_gates + 2 * a.block, count);
        });
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {forward<T>}, {backward<T>}, nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
