#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

// Blocks i o g n: both time steps, and the candidates of the memory c and of h. n needs the product of the new c, before
// zoneout. Training saves the time steps times `option`, the cell's dt.
struct Lem {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 4,
                .x_first = 0,
                .x_blocks = 4,
                .x_gates = {0, 1, 2, 3},
                .h_first = 0,
                .h_blocks = 4,
                .h_gates = {0, 1, 2, 3},
                .phases = 2,
                .phase = {{0, 3}, {3, 1}},
                .cell_states = 1,
                .projects = false,
                .extra = 0};
    }

    template <class T>
    static void memory_forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* cell = a.c + row * a.stride + j;
            const V<T> i = a.option * Sigmoid::apply<T>(load_first<T>(gates, count));
            const V<T> g = Tanh::apply<T>(load_first<T>(gates + 2 * a.block, count));
            const V<T> old = load<T>(cell), c = old + i * (g - old);
            if (a.saved != nullptr) {
                store_first<T>(old, a.c_prev[row] + j, count);
                store_first<T>(i, a.saved[row] + j, count);
                store_first<T>(g, a.saved[row] + 2 * a.block + j, count);
            }
            store_first<T>(masked<T>(a.mask, row, j, count, c), a.operand[row] + j, count);
            store<T>(zoned<T>(a.zoneout_c[0], row, j, count, c, old), cell);
        });
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> o = a.option * Sigmoid::apply<T>(load_first<T>(a.gates[row] + a.block + j, count));
            const V<T> n = Tanh::apply<T>(load_first<T>(a.gates[row] + 3 * a.block + j, count));
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            if (a.saved != nullptr) {
                store_first<T>(o, a.saved[row] + a.block + j, count);
                store_first<T>(n, a.saved[row] + 3 * a.block + j, count);
            }
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, old + o * (n - old), old), a.h[row] + j, count);
        });
    }

    // of dt · σ, from its value
    template <class T>
    ELMAN_INLINE V<T> slope(const StepBackward<T>& a, V<T> value) {
        return value * (T(1) - value / a.option);
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            const V<T> o = load_first<T>(gates + a.block, count), n = load_first<T>(gates + 3 * a.block, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            V<T> d = incoming<T>(a, row, j, count);
            const V<T> kept = kept_share<T>(a.zoneout_h, row, j, count, d);
            d -= kept;
            set_direct<T>(a, row, j, count, fused<T>(d, T(1) - o, kept));
            store_first<T>(d * (n - old) * slope<T>(a, o), d_gates + a.block, count);
            store_first<T>(d * o * (T(1) - n * n), d_gates + 3 * a.block, count);
            const V<T> i = load_first<T>(gates, count), g = load_first<T>(gates + 2 * a.block, count);
            const V<T> c_old = load_first<T>(a.c_prev[row] + j, count), c = c_old + i * (g - c_old);
            store_first<T>(masked<T>(a.mask, row, j, count, c), a.operand[row] + j, count);
        });
    }

    template <class T>
    static void memory_backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            const std::size_t at = row * a.stride + j;
            const V<T> i = load_first<T>(gates, count), g = load_first<T>(gates + 2 * a.block, count);
            const V<T> old = load_first<T>(a.c_prev[row] + j, count);
            V<T> d = load_first<T>(a.d_c + at, count);
            const V<T> kept = kept_share<T>(a.zoneout_c[0], row, j, count, d);
            d = d - kept + masked<T>(a.mask, row, j, count, load_first<T>(a.d_operand + at, count));
            store_first<T>(fused<T>(d, T(1) - i, kept), a.d_c + at, count);
            store_first<T>(d * (g - old) * slope<T>(a, i), d_gates, count);
            store_first<T>(d * i * (T(1) - g * g), d_gates + 2 * a.block, count);
        });
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {memory_forward<T>, forward<T>}, {memory_backward<T>, backward<T>}, nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
