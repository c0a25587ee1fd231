#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

// Reset after the product. Blocks n r z m, where m is h's part of n before the reset: h's product fills r z m,
// x's product n r z.
struct Gru {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 4,
                .x_first = 0,
                .x_blocks = 3,
                .x_gates = {2, 0, 1},
                .h_first = 1,
                .h_blocks = 3,
                .h_gates = {0, 1, 2},
                .phases = 1,
                .phase = {{1, 3}},
                .cell_states = 0,
                .projects = false,
                .extra = 0};
    }

    template <class T>
    struct Gates {
        V<T> n, r, z, m;
    };

    template <class T>
    static void forward(const StepForward<T>& a) {
        const auto activate = [&](Place at) __attribute__((always_inline)) {
            const auto [row, j, count] = at;
            const T* gates = a.gates[row] + j;
            const V<T> n = load_first<T>(gates, count), m = load_first<T>(gates + 3 * a.block, count);
            const V<T> r = Sigmoid::apply<T>(load_first<T>(gates + a.block, count));
            const V<T> z = Sigmoid::apply<T>(load_first<T>(gates + 2 * a.block, count));
            return Gates<T>{n + r * m, r, z, m};
        };
        const auto finish = [&](Place at, const Gates<T>& v) __attribute__((always_inline)) {
            const auto [row, j, count] = at;
            const V<T> n = Tanh::apply<T>(v.n);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            const V<T> h = n + v.z * (old - n);
            if (a.saved != nullptr) {
                T* saved = a.saved[row] + j;
                store_first<T>(n, saved, count);
                store_first<T>(v.r, saved + a.block, count);
                store_first<T>(v.z, saved + 2 * a.block, count);
                store_first<T>(v.m, saved + 3 * a.block, count);
            }
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, h, old), a.h[row] + j, count);
        };
        each_in_stages<T>(a, activate, finish);
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            const V<T> n = load_first<T>(gates, count), r = load_first<T>(gates + a.block, count),
                       z = load_first<T>(gates + 2 * a.block, count);
            const V<T> m = load_first<T>(gates + 3 * a.block, count);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            V<T> d = incoming<T>(a, row, j, count);
            const V<T> kept = kept_share<T>(a.zoneout_h, row, j, count, d);
            d -= kept;
            const V<T> d_n = d * (T(1) - z) * (T(1) - n * n);
            const V<T> d_z = d * (old - n) * (z * (T(1) - z));
            const V<T> d_r = d_n * m * (r * (T(1) - r));
            set_direct<T>(a, row, j, count, fused<T>(d, z, kept));
            store_first<T>(d_n, d_gates, count);
            store_first<T>(d_r, d_gates + a.block, count);
            store_first<T>(d_z, d_gates + 2 * a.block, count);
            store_first<T>(d_n * r, d_gates + 3 * a.block, count);
        });
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {forward<T>}, {backward<T>}, nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
