#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

// Blocks i f z o, and s, which has no product: the slope of log σ at f, for backward. Cell states c n m.
//
// With a = log σ(f) + m and b = i, the new m is the larger one, and f and i become e^(a - m) and e^(b - m), of which one
// is 1. Before anything was taken in, n is 0; a is then b, so that m does not begin at the 0 of an empty state.
struct Slstm {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 5,
                .x_first = 0,
                .x_blocks = 4,
                .x_gates = {0, 1, 2, 3},
                .h_first = 0,
                .h_blocks = 4,
                .h_gates = {0, 1, 2, 3},
                .phases = 1,
                .phase = {{0, 4}},
                .cell_states = 3,
                .projects = true,
                .extra = 0};
    }

    template <class T>
    struct Gates {
        V<T> i, f, z, o, slope, c, n, m;
    };

    template <class T>
    static void forward(const StepForward<T>& a) {
        const auto activate = [&](Place at) __attribute__((always_inline)) {
            const auto [row, j, count] = at;
            const T* gates = a.gates[row] + j;
            const T* cells = a.c + row * a.stride + j;
            Gates<T> v;
            v.c = load<T>(cells), v.n = load<T>(cells + a.plane), v.m = load<T>(cells + 2 * a.plane);
            const LogSigmoid<T> forget(load_first<T>(gates + a.block, count));
            v.i = load_first<T>(gates, count);
            v.f = v.n > T(0) ? forget.value + v.m : v.i;
            v.slope = forget.slope;
            v.z = Tanh::apply<T>(load_first<T>(gates + 2 * a.block, count));
            v.o = Sigmoid::apply<T>(load_first<T>(gates + 3 * a.block, count));
            return v;
        };
        const auto finish = [&](Place at, const Gates<T>& v) __attribute__((always_inline)) {
            const auto [row, j, count] = at;
            const V<T> difference = v.f - v.i;
            const V<T> less = Exp::apply<T>(difference > T(0) ? -difference : difference);
            const V<T> i = difference > T(0) ? less : broadcast<T>(1), f = difference > T(0) ? broadcast<T>(1) : less;
            const V<T> m = difference > T(0) ? v.f : v.i;
            const V<T> c = fused<T>(f, v.c, i * v.z), n = fused<T>(f, v.n, i);
            const V<T> h = v.o * c / n;
            if (a.saved != nullptr) {
                T *saved = a.saved[row] + j, *old = a.c_prev[row] + j;
                store_first<T>(v.c, old, count);
                store_first<T>(v.n, old + a.block, count);
                store_first<T>(i, saved, count);
                store_first<T>(f, saved + a.block, count);
                store_first<T>(v.z, saved + 2 * a.block, count);
                store_first<T>(v.o, saved + 3 * a.block, count);
                store_first<T>(v.slope, saved + 4 * a.block, count);
            }
            T* cells = a.c + row * a.stride + j;
            store<T>(zoned<T>(a.zoneout_c[0], row, j, count, c, v.c), cells);
            store<T>(zoned<T>(a.zoneout_c[1], row, j, count, n, v.n), cells + a.plane);
            store<T>(zoned<T>(a.zoneout_c[2], row, j, count, m, v.m), cells + 2 * a.plane);
            const V<T> h_old = a.zoneout_h.on ? load_first<T>(a.h_prev[row] + j, count) : V<T>{};
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, h, h_old), a.h[row] + j, count);
        };
        each_in_stages<T>(a, activate, finish);
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T *gates = a.gates[row] + j, *old = a.c_prev[row] + j;
            T* d_gates = a.d_gates[row] + j;
            T *d_c_at = a.d_c + row * a.stride + j, *d_n_at = d_c_at + a.plane, *d_m_at = d_n_at + a.plane;
            const V<T> i = load_first<T>(gates, count), f = load_first<T>(gates + a.block, count);
            const V<T> z = load_first<T>(gates + 2 * a.block, count), o = load_first<T>(gates + 3 * a.block, count);
            const V<T> slope = load_first<T>(gates + 4 * a.block, count);
            const V<T> c_old = load_first<T>(old, count), n_old = load_first<T>(old + a.block, count);
            const V<T> c = fused<T>(f, c_old, i * z), n = fused<T>(f, n_old, i);
            V<T> d_h = incoming<T>(a, row, j, count);
            const V<T> kept_h = kept_share<T>(a.zoneout_h, row, j, count, d_h);
            set_direct<T>(a, row, j, count, kept_h);
            d_h -= kept_h;
            V<T> d_c = load_first<T>(d_c_at, count), d_n = load_first<T>(d_n_at, count);
            V<T> d_m = load_first<T>(d_m_at, count);
            const V<T> kept_c = kept_share<T>(a.zoneout_c[0], row, j, count, d_c);
            const V<T> kept_n = kept_share<T>(a.zoneout_c[1], row, j, count, d_n);
            const V<T> kept_m = kept_share<T>(a.zoneout_c[2], row, j, count, d_m);
            const V<T> ratio = c / n, d_ratio = d_h * o / n;
            d_c = d_c - kept_c + d_ratio;
            d_n = d_n - kept_n - d_ratio * ratio;
            d_m -= kept_m;
            // through the exponents: of the smaller one its own, of the larger one, which is m, what is left
            const V<T> through_i = fused<T>(d_c, z, d_n) * i, through_f = fused<T>(d_c, c_old, d_n * n_old) * f;
            V<T> d_a = i < T(1) ? d_m - through_i : through_f, d_b = i < T(1) ? through_i : d_m - through_f;
            d_a = n_old > T(0) ? d_a : V<T>{};
            d_b = n_old > T(0) ? d_b : d_m;
            store_first<T>(fused<T>(d_c, f, kept_c), d_c_at, count);
            store_first<T>(fused<T>(d_n, f, kept_n), d_n_at, count);
            store_first<T>(d_a + kept_m, d_m_at, count);
            store_first<T>(d_b, d_gates, count);
            store_first<T>(d_a * slope, d_gates + a.block, count);
            store_first<T>(d_c * i * (T(1) - z * z), d_gates + 2 * a.block, count);
            store_first<T>(d_h * ratio * (o * (T(1) - o)), d_gates + 3 * a.block, count);
        });
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {forward<T>}, {backward<T>}, nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
