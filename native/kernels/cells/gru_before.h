#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

// Reset before the product: n needs the product of r ⊙ h. Blocks r z n.
struct GruBefore {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 3,
                .x_first = 0,
                .x_blocks = 3,
                .x_gates = {0, 1, 2},
                .h_first = 0,
                .h_blocks = 3,
                .h_gates = {0, 1, 2},
                .phases = 2,
                .phase = {{0, 2}, {2, 1}},
                .cell_states = 0,
                .projects = false,
                .extra = 0};
    }

    template <class T>
    static void reset_forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> r = Sigmoid::apply<T>(load_first<T>(a.gates[row] + j, count));
            const V<T> reset = r * load_first<T>(a.h_prev[row] + j, count);
            if (a.saved != nullptr) store_first<T>(r, a.saved[row] + j, count);
            store_first<T>(masked<T>(a.mask, row, j, count, reset), a.operand[row] + j, count);
        });
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> z = Sigmoid::apply<T>(load_first<T>(a.gates[row] + a.block + j, count));
            const V<T> n = Tanh::apply<T>(load_first<T>(a.gates[row] + 2 * a.block + j, count));
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            if (a.saved != nullptr) {
                store_first<T>(z, a.saved[row] + a.block + j, count);
                store_first<T>(n, a.saved[row] + 2 * a.block + j, count);
            }
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, n + z * (old - n), old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            const V<T> r = load_first<T>(gates, count), z = load_first<T>(gates + a.block, count),
                       n = load_first<T>(gates + 2 * a.block, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            V<T> d = incoming<T>(a, row, j, count);
            const V<T> kept = kept_share<T>(a.zoneout_h, row, j, count, d);
            d -= kept;
            set_direct<T>(a, row, j, count, fused<T>(d, z, kept));
            store_first<T>(d * (old - n) * (z * (T(1) - z)), d_gates + a.block, count);
            store_first<T>(d * (T(1) - z) * (T(1) - n * n), d_gates + 2 * a.block, count);
            store_first<T>(masked<T>(a.mask, row, j, count, r * old), a.operand[row] + j, count);
        });
    }

    template <class T>
    static void reset_backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> r = load_first<T>(a.gates[row] + j, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            const std::size_t at = row * a.stride + j;
            const V<T> d = masked<T>(a.mask, row, j, count, load_first<T>(a.d_operand + at, count));
            store_first<T>(d * old * (r * (T(1) - r)), a.d_gates[row] + j, count);
            store_first<T>(load_first<T>(a.direct + at, count) + d * r, a.direct + at, count);
        });
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {reset_forward<T>, forward<T>}, {reset_backward<T>, backward<T>}, nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
