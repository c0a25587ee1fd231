#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

// Blocks z n, of x alone: z takes in the candidate n, which is linear.
struct MinGru {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 2,
                .x_first = 0,
                .x_blocks = 2,
                .x_gates = {0, 1},
                .h_first = 2,
                .h_blocks = 0,
                .h_gates = {},
                .phases = 1,
                .phase = {{2, 0}},
                .cell_states = 0,
                .projects = false,
                .extra = 0};
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> z = Sigmoid::apply<T>(load_first<T>(a.gates[row] + j, count));
            const V<T> n = load_first<T>(a.gates[row] + a.block + j, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            if (a.saved != nullptr) {
                store_first<T>(z, a.saved[row] + j, count);
                store_first<T>(n, a.saved[row] + a.block + j, count);
            }
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, old + z * (n - old), old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> z = load_first<T>(a.gates[row] + j, count);
            const V<T> n = load_first<T>(a.gates[row] + a.block + j, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            V<T> d = incoming<T>(a, row, j, count);
            const V<T> kept = kept_share<T>(a.zoneout_h, row, j, count, d);
            d -= kept;
            set_direct<T>(a, row, j, count, fused<T>(d, T(1) - z, kept));
            store_first<T>(d * (n - old) * (z * (T(1) - z)), a.d_gates[row] + j, count);
            store_first<T>(d * z, a.d_gates[row] + a.block + j, count);
        });
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {forward<T>}, {backward<T>}, nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
