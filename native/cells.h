// The cells' pointwise halves, forward and backward, and their plans. The equations they follow are in docs/equations.md
// and, once, in src/elman/cells/; the derivatives here are by the activations' arguments.
//
// A new cell is one struct and one line in `cells` below.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "simd.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
using V = Vector<T>;

// f(row, unit, lanes that are real) for each vector of units.
template <class T, class Args, class F>
ELMAN_INLINE void each_unit(const Args& a, F f) {
    for (std::size_t i = 0; i < a.rows; ++i) {
        for (std::size_t j = a.first; j < a.last; j += lanes<T>) f(i, j, a.hidden - j);
    }
}

// `kept` where the mask's byte is not zero, else `taken`.
template <class T>
ELMAN_INLINE V<T> select(const std::uint8_t* mask, std::size_t count, V<T> kept, V<T> taken) {
    Bytes<T> bytes{};
    if (count >= lanes<T>) {
        __builtin_memcpy(&bytes, mask, lanes<T>);
    } else {
        for (std::size_t q = 0; q < count; ++q) bytes[q] = mask[q];
    }
    const Bits<T> bits = __builtin_convertvector(bytes, Bits<T>);
    return bits != 0 ? kept : taken;
}

template <class T>
ELMAN_INLINE V<T> zoned(const Zone<T>& zone, std::size_t i, std::size_t j, std::size_t count, V<T> fresh, V<T> old) {
    if (!zone.on) return fresh;
    if (zone.mask != nullptr) return select<T>(zone.mask[i] + j, count, old, fresh);
    const V<T> kept = zone.rate * old;
    return (T(1) - zone.rate) * fresh + kept;
}

// The share of a derivative that zoneout hands to the old value; the rest is the new value's.
template <class T>
ELMAN_INLINE V<T> kept_share(const Zone<T>& zone, std::size_t i, std::size_t j, std::size_t count, V<T> d) {
    if (!zone.on) return V<T>{};
    if (zone.mask != nullptr) return select<T>(zone.mask[i] + j, count, d, V<T>{});
    return zone.rate * d;
}

template <class T>
ELMAN_INLINE V<T> masked(const T* const* mask, std::size_t i, std::size_t j, std::size_t count, V<T> x) {
    return mask == nullptr ? x : x * load_first<T>(mask[i] + j, count);
}

// The whole derivative by h at this step.
template <class T>
ELMAN_INLINE V<T> incoming(const StepBackward<T>& a, std::size_t i, std::size_t j, std::size_t count) {
    const std::size_t at = i * a.padded + j;
    V<T> d{};
    if (a.d_out != nullptr) d = load_first<T>(a.d_out[i] + j, count);
    if (a.direct != nullptr) d += load<T>(a.direct + at);
    if (a.product != nullptr) d += masked<T>(a.mask, i, j, count, load<T>(a.product + at));
    return d;
}

template <class T>
ELMAN_INLINE void set_direct(const StepBackward<T>& a, std::size_t i, std::size_t j, V<T> d) {
    if (a.direct != nullptr) store<T>(d, a.direct + i * a.padded + j);
}

struct HyperbolicTangent {
    template <class T>
    ELMAN_INLINE V<T> of(V<T> x) { return Tanh::of<T>(x); }
    template <class T>
    ELMAN_INLINE V<T> slope(V<T> y) { return T(1) - y * y; }
};

struct Rectifier {
    // written so that a NaN passes through
    template <class T>
    ELMAN_INLINE V<T> of(V<T> x) { return x < T(0) ? V<T>{} : x; }
    template <class T>
    ELMAN_INLINE V<T> slope(V<T> y) { return y > T(0) ? broadcast<T>(1) : V<T>{}; }
};

// h = f(x-product + h-product)
template <class Activation>
struct Rnn {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 1,
                .x_first = 0, .x_blocks = 1, .x_gates = {0},
                .h_first = 0, .h_blocks = 1, .h_gates = {0},
                .phases = 1, .phase = {{0, 1}}, .cell_state = false, .extra = 0};
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_unit<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> h = Activation::template of<T>(load<T>(a.gates[i] + j));
            store<T>(h, a.gates[i] + j);
            const V<T> old = a.zone_h.on ? load_first<T>(a.h_prev[i] + j, count) : V<T>{};
            store_first<T>(zoned<T>(a.zone_h, i, j, count, h, old), a.h[i] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_unit<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> d = incoming<T>(a, i, j, count);
            const V<T> kept = kept_share<T>(a.zone_h, i, j, count, d);
            const V<T> h = load<T>(a.gates[i] + j);
            store<T>((d - kept) * Activation::template slope<T>(h), a.d_gates[i] + j);
            set_direct<T>(a, i, j, kept);
        });
    }
};

// Blocks i f g o. Peephole: i and f see the old c, o the new one.
template <bool Peephole>
struct Lstm {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 4,
                .x_first = 0, .x_blocks = 4, .x_gates = {0, 1, 2, 3},
                .h_first = 0, .h_blocks = 4, .h_gates = {0, 1, 2, 3},
                .phases = 1, .phase = {{0, 4}}, .cell_state = true, .extra = Peephole ? 3 : 0};
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            T* gates = a.gates[row] + j;
            T* cell = a.c + row * a.padded + j;
            const V<T> old = load<T>(cell);
            V<T> to_i = load<T>(gates), to_f = load<T>(gates + a.padded), to_o = load<T>(gates + 3 * a.padded);
            if constexpr (Peephole) {
                to_i += load<T>(a.extra[0] + j) * old;
                to_f += load<T>(a.extra[1] + j) * old;
            }
            const V<T> i = Sigmoid::of<T>(to_i), f = Sigmoid::of<T>(to_f);
            const V<T> g = Tanh::of<T>(load<T>(gates + 2 * a.padded));
            const V<T> written = i * g;
            const V<T> c = f * old + written;
            if constexpr (Peephole) to_o += load<T>(a.extra[2] + j) * c;
            const V<T> o = Sigmoid::of<T>(to_o);
            const V<T> h = o * Tanh::of<T>(c);
            if (a.c_prev != nullptr) {
                store<T>(old, a.c_prev[row] + j);
                store<T>(i, gates);
                store<T>(f, gates + a.padded);
                store<T>(g, gates + 2 * a.padded);
                store<T>(o, gates + 3 * a.padded);
            }
            store<T>(zoned<T>(a.zone_c, row, j, count, c, old), cell);
            const V<T> h_old = a.zone_h.on ? load_first<T>(a.h_prev[row] + j, count) : V<T>{};
            store_first<T>(zoned<T>(a.zone_h, row, j, count, h, h_old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            T* d_cell = a.d_c + row * a.padded + j;
            const V<T> i = load<T>(gates), f = load<T>(gates + a.padded);
            const V<T> g = load<T>(gates + 2 * a.padded), o = load<T>(gates + 3 * a.padded);
            const V<T> old = load<T>(a.c_prev[row] + j);
            const V<T> written = i * g;
            const V<T> squashed = Tanh::of<T>(f * old + written);
            V<T> d_h = incoming<T>(a, row, j, count);
            const V<T> kept_h = kept_share<T>(a.zone_h, row, j, count, d_h);
            set_direct<T>(a, row, j, kept_h);
            d_h -= kept_h;
            const V<T> d_o = d_h * squashed * (o * (T(1) - o));
            V<T> d_c = load<T>(d_cell);
            const V<T> kept_c = kept_share<T>(a.zone_c, row, j, count, d_c);
            d_c -= kept_c;
            d_c += d_h * o * (T(1) - squashed * squashed);
            if constexpr (Peephole) d_c += d_o * load<T>(a.extra[2] + j);
            const V<T> d_i = d_c * g * (i * (T(1) - i));
            const V<T> d_f = d_c * old * (f * (T(1) - f));
            const V<T> d_g = d_c * i * (T(1) - g * g);
            V<T> d_old = d_c * f + kept_c;
            if constexpr (Peephole) {
                d_old += d_i * load<T>(a.extra[0] + j);
                d_old += d_f * load<T>(a.extra[1] + j);
            }
            store<T>(d_old, d_cell);
            store<T>(d_i, d_gates);
            store<T>(d_f, d_gates + a.padded);
            store<T>(d_g, d_gates + 2 * a.padded);
            store<T>(d_o, d_gates + 3 * a.padded);
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
                const V<T> old = load<T>(a.c_prev[row] + j);
                const V<T> written = load<T>(gates) * load<T>(gates + 2 * a.padded);
                const V<T> c = load<T>(gates + a.padded) * old + written;
                sum[0] += load<T>(d_gates) * old;
                sum[1] += load<T>(d_gates + a.padded) * old;
                sum[2] += load<T>(d_gates + 3 * a.padded) * c;
            }
            for (int k = 0; k < 3; ++k) {
                if (out[k] == nullptr) continue;
                store_first<T>(load_first<T>(out[k] + j, count) + sum[k], out[k] + j, count);
            }
        }
    }
};

// Reset after the product. Blocks n r z m, where m is the state's share of n before the reset: h's product lies in
// r z m side by side, x's in n r z.
struct Gru {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 4,
                .x_first = 0, .x_blocks = 3, .x_gates = {2, 0, 1},
                .h_first = 1, .h_blocks = 3, .h_gates = {0, 1, 2},
                .phases = 1, .phase = {{1, 3}}, .cell_state = false, .extra = 0};
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            T* gates = a.gates[row] + j;
            const V<T> r = Sigmoid::of<T>(load<T>(gates + a.padded));
            const V<T> z = Sigmoid::of<T>(load<T>(gates + 2 * a.padded));
            const V<T> n = Tanh::of<T>(load<T>(gates) + r * load<T>(gates + 3 * a.padded));
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            const V<T> h = n + z * (old - n);
            store<T>(n, gates);
            store<T>(r, gates + a.padded);
            store<T>(z, gates + 2 * a.padded);
            store_first<T>(zoned<T>(a.zone_h, row, j, count, h, old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            const V<T> n = load<T>(gates), r = load<T>(gates + a.padded), z = load<T>(gates + 2 * a.padded);
            const V<T> m = load<T>(gates + 3 * a.padded);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            V<T> d = incoming<T>(a, row, j, count);
            const V<T> kept = kept_share<T>(a.zone_h, row, j, count, d);
            d -= kept;
            const V<T> d_n = d * (T(1) - z) * (T(1) - n * n);
            const V<T> d_z = d * (old - n) * (z * (T(1) - z));
            const V<T> d_r = d_n * m * (r * (T(1) - r));
            set_direct<T>(a, row, j, d * z + kept);
            store<T>(d_n, d_gates);
            store<T>(d_r, d_gates + a.padded);
            store<T>(d_z, d_gates + 2 * a.padded);
            store<T>(d_n * r, d_gates + 3 * a.padded);
        });
    }
};

// Reset before the product: n waits for the product of r ⊙ h. Blocks r z n.
struct GruBefore {
    static constexpr CellPlan plan(const char* name) {
        return {.name = name,
                .blocks = 3,
                .x_first = 0, .x_blocks = 3, .x_gates = {0, 1, 2},
                .h_first = 0, .h_blocks = 3, .h_gates = {0, 1, 2},
                .phases = 2, .phase = {{0, 2}, {2, 1}}, .cell_state = false, .extra = 0};
    }

    template <class T>
    static void reset_forward(const StepForward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            T* gates = a.gates[row] + j;
            const V<T> r = Sigmoid::of<T>(load<T>(gates));
            const V<T> reset = r * load_first<T>(a.h_prev[row] + j, count);
            store<T>(r, gates);
            store<T>(masked<T>(a.mask, row, j, count, reset), a.operand[row] + j);
        });
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            T* gates = a.gates[row] + j;
            const V<T> z = Sigmoid::of<T>(load<T>(gates + a.padded));
            const V<T> n = Tanh::of<T>(load<T>(gates + 2 * a.padded));
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            const V<T> h = n + z * (old - n);
            store<T>(z, gates + a.padded);
            store<T>(n, gates + 2 * a.padded);
            store_first<T>(zoned<T>(a.zone_h, row, j, count, h, old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const T* gates = a.gates[row] + j;
            T* d_gates = a.d_gates[row] + j;
            const V<T> r = load<T>(gates), z = load<T>(gates + a.padded), n = load<T>(gates + 2 * a.padded);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            V<T> d = incoming<T>(a, row, j, count);
            const V<T> kept = kept_share<T>(a.zone_h, row, j, count, d);
            d -= kept;
            set_direct<T>(a, row, j, d * z + kept);
            store<T>(d * (old - n) * (z * (T(1) - z)), d_gates + a.padded);
            store<T>(d * (T(1) - z) * (T(1) - n * n), d_gates + 2 * a.padded);
            store<T>(masked<T>(a.mask, row, j, count, r * old), a.operand[row] + j);
        });
    }

    template <class T>
    static void reset_backward(const StepBackward<T>& a) {
        each_unit<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> r = load<T>(a.gates[row] + j);
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            const std::size_t at = row * a.padded + j;
            const V<T> d = masked<T>(a.mask, row, j, count, load<T>(a.d_operand + at));
            store<T>(d * old * (r * (T(1) - r)), a.d_gates[row] + j);
            store<T>(load<T>(a.direct + at) + d * r, a.direct + at);
        });
    }
};

template <class T>
void zone(const StepForward<T>& a) {
    each_unit<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
        const V<T> fresh = load_first<T>(a.h[i] + j, count), old = load_first<T>(a.h_prev[i] + j, count);
        store_first<T>(zoned<T>(a.zone_h, i, j, count, fresh, old), a.h[i] + j, count);
    });
}

template <class T>
void collect(const StepBackward<T>& a, T* const* out) {
    each_unit<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
        const V<T> d = incoming<T>(a, i, j, count);
        const V<T> kept = kept_share<T>(a.zone_h, i, j, count, d);
        set_direct<T>(a, i, j, kept);
        store<T>(d - kept, out[i] + j);
    });
}

template <class T>
constexpr CellKernels<T> cells[] = {
    {Rnn<HyperbolicTangent>::plan("rnn"), {Rnn<HyperbolicTangent>::forward<T>}, {Rnn<HyperbolicTangent>::backward<T>}, nullptr},
    {Rnn<Rectifier>::plan("rnn-relu"), {Rnn<Rectifier>::forward<T>}, {Rnn<Rectifier>::backward<T>}, nullptr},
    {Lstm<false>::plan("lstm"), {Lstm<false>::forward<T>}, {Lstm<false>::backward<T>}, nullptr},
    {Lstm<true>::plan("lstm-peephole"), {Lstm<true>::forward<T>}, {Lstm<true>::backward<T>}, Lstm<true>::extra_sums<T>},
    {Gru::plan("gru"), {Gru::forward<T>}, {Gru::backward<T>}, nullptr},
    {GruBefore::plan("gru-before"),
     {GruBefore::reset_forward<T>, GruBefore::forward<T>},
     {GruBefore::reset_backward<T>, GruBefore::backward<T>},
     nullptr},
};

}  // namespace elman::ELMAN_TARGET_NAME
