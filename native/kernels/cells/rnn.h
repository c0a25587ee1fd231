#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

struct HyperbolicTangent {
    template <class T>
    ELMAN_INLINE V<T> apply(V<T> x) {
        return Tanh::apply<T>(x);
    }
    template <class T>
    ELMAN_INLINE V<T> slope(V<T> y) {
        return T(1) - y * y;
    }
};

struct Rectifier {
    template <class T>
    ELMAN_INLINE V<T> apply(V<T> x) {
        return at_least<T>(x, T(0));
    }
    template <class T>
    ELMAN_INLINE V<T> slope(V<T> y) {
        return y > T(0) ? broadcast<T>(1) : V<T>{};
    }
};

// h = f(x-product + h-product)
template <class Activation>
struct Rnn {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 1,
                .x_first = 0,
                .x_blocks = 1,
                .x_gates = {0},
                .h_first = 0,
                .h_blocks = 1,
                .h_gates = {0},
                .phases = 1,
                .phase = {{0, 1}},
                .cell_states = 0,
                .projects = false,
                .extra = 0};
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> h = Activation::template apply<T>(load_first<T>(a.gates[row] + j, count));
            if (a.saved != nullptr) store_first<T>(h, a.saved[row] + j, count);
            const V<T> old = a.zoneout_h.on ? load_first<T>(a.h_prev[row] + j, count) : V<T>{};
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, h, old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> d = incoming<T>(a, i, j, count);
            const V<T> kept = kept_share<T>(a.zoneout_h, i, j, count, d);
            const V<T> h = load_first<T>(a.gates[i] + j, count);
            store_first<T>((d - kept) * Activation::template slope<T>(h), a.d_gates[i] + j, count);
            set_direct<T>(a, i, j, count, kept);
        });
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {forward<T>}, {backward<T>}, nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
