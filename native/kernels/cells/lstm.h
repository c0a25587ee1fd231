#pragma once

#include "kernels/activations.h"
#include "kernels/pointwise.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

// Blocks i f g o. Peephole: i and f see the old c, o the new one.
template <bool Peephole>
struct Lstm {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 4,
                .x_first = 0,
                .x_blocks = 4,
                .x_gates = {0, 1, 2, 3},
                .h_first = 0,
                .h_blocks = 4,
                .h_gates = {0, 1, 2, 3},
                .phases = 1,
                .phase = {{0, 4}},
                .cell_states = 1,
                .projects = true,
                .extra = Peephole ? 3 : 0};
    }

    template <class T>
    struct Gates {
        V<T> i, f, g, o, old;
    };

    template <class T>
    static void forward(const StepForward<T>& a) {
        const auto activate = [&](Place at) __attribute__((always_inline)) {
            const auto [row, j, count] = at;
            const T* gates = a.gates[row] + j;
            Gates<T> v;
            v.old = load<T>(a.c + row * a.stride + j);
            v.i = load_first<T>(gates, count), v.f = load_first<T>(gates + a.block, count);
            v.g = load_first<T>(gates + 2 * a.block, count), v.o = load_first<T>(gates + 3 * a.block, count);
            if constexpr (Peephole) {
                v.i += load_first<T>(a.extra[0] + j, count) * v.old;
                v.f += load_first<T>(a.extra[1] + j, count) * v.old;
            }
            v.i = Sigmoid::apply<T>(v.i);
            v.f = Sigmoid::apply<T>(v.f);
            v.g = Tanh::apply<T>(v.g);
            if constexpr (!Peephole) v.o = Sigmoid::apply<T>(v.o);
            return v;
        };
        const auto finish = [&](Place at, const Gates<T>& v) __attribute__((always_inline)) {
            const auto [row, j, count] = at;
            const V<T> c = fused<T>(v.f, v.old, v.i * v.g);
            V<T> o = v.o;
            if constexpr (Peephole) o = Sigmoid::apply<T>(o + load_first<T>(a.extra[2] + j, count) * c);
            const V<T> h = o * Tanh::apply<T>(c);
            if (a.saved != nullptr) {
                T* saved = a.saved[row] + j;
                store_first<T>(v.old, a.c_prev[row] + j, count);
                store_first<T>(v.i, saved, count);
                store_first<T>(v.f, saved + a.block, count);
                store_first<T>(v.g, saved + 2 * a.block, count);
                store_first<T>(o, saved + 3 * a.block, count);
            }
            store<T>(zoned<T>(a.zoneout_c[0], row, j, count, c, v.old), a.c + row * a.stride + j);
            const V<T> h_old = a.zoneout_h.on ? load_first<T>(a.h_prev[row] + j, count) : V<T>{};
            store_first<T>(zoned<T>(a.zoneout_h, row, j, count, h, h_old), a.h[row] + j, count);
        };
        each_in_stages<T>(a, activate, finish);
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            T* d_cell = a.d_c + row * a.stride + j;
            const V<T> i = load_first<T>(gates, count), f = load_first<T>(gates + a.block, count);
            const V<T> g = load_first<T>(gates + 2 * a.block, count), o = load_first<T>(gates + 3 * a.block, count);
            const V<T> old = load_first<T>(a.c_prev[row] + j, count);
            // a division takes a quarter of the time of tanh; where o is almost zero, so are the gradients that need it
            const V<T> squashed = a.h != nullptr ? load_first<T>(a.h[row] + j, count) / at_least<T>(o, T(0x1p-100))
                                                 : Tanh::apply<T>(fused<T>(f, old, i * g));
            V<T> d_h = incoming<T>(a, row, j, count);
            const V<T> kept_h = kept_share<T>(a.zoneout_h, row, j, count, d_h);
            set_direct<T>(a, row, j, count, kept_h);
            d_h -= kept_h;
            const V<T> d_o = d_h * squashed * (o * (T(1) - o));
            V<T> d_c = load_first<T>(d_cell, count);
            const V<T> kept_c = kept_share<T>(a.zoneout_c[0], row, j, count, d_c);
            d_c -= kept_c;
            d_c += d_h * o * (T(1) - squashed * squashed);
            if constexpr (Peephole) d_c += d_o * load_first<T>(a.extra[2] + j, count);
            const V<T> d_i = d_c * g * (i * (T(1) - i));
            const V<T> d_f = d_c * old * (f * (T(1) - f));
            const V<T> d_g = d_c * i * (T(1) - g * g);
            V<T> d_old = fused<T>(d_c, f, kept_c);
            if constexpr (Peephole) {
                d_old += d_i * load_first<T>(a.extra[0] + j, count);
                d_old += d_f * load_first<T>(a.extra[1] + j, count);
            }
            store_first<T>(d_old, d_cell, count);
            store_first<T>(d_i, d_gates, count);
            store_first<T>(d_f, d_gates + a.block, count);
            store_first<T>(d_g, d_gates + 2 * a.block, count);
            store_first<T>(d_o, d_gates + 3 * a.block, count);
        });
    }

    template <class T>
    static void extra_sums(const StepBackward<T>& a, T* const* out) {
        for (std::size_t j = a.first; j < a.last; j += lanes<T>) {
            const std::size_t count = a.hidden - j;
            V<T> sum[3] = {};
            for (std::size_t row = 0; row < a.rows; ++row) {
                const T* gates = a.gates[row] + j;
                const T* d_gates = a.d_gates[row] + j;
                const V<T> old = load_first<T>(a.c_prev[row] + j, count);
                const V<T> written = load_first<T>(gates, count) * load_first<T>(gates + 2 * a.block, count);
                const V<T> c = fused<T>(load_first<T>(gates + a.block, count), old, written);
                sum[0] += load_first<T>(d_gates, count) * old;
                sum[1] += load_first<T>(d_gates + a.block, count) * old;
                sum[2] += load_first<T>(d_gates + 3 * a.block, count) * c;
            }
            for (int k = 0; k < 3; ++k) {
                if (out[k] == nullptr) continue;
                store_first<T>(load_first<T>(out[k] + j, count) + sum[k], out[k] + j, count);
            }
        }
    }

    template <class T>
    static constexpr CellKernels<T> kernels(const char* name) {
        return {plan(name), {forward<T>}, {backward<T>}, Peephole ? extra_sums<T> : nullptr};
    }
};

}  // namespace elman::ELMAN_TARGET_NAME
