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

// A vector of units: its row, its first unit, and how many of its lanes are real.
struct Place {
    std::size_t row, j, count;
};

// f(row, j, count) for each vector of units.
template <class T, class Args, class F>
ELMAN_INLINE void each_vector(const Args& a, F f) {
    for (std::size_t row = 0; row < a.rows; ++row) {
        for (std::size_t j = a.first; j < a.last; j += lanes<T>) f(row, j, a.hidden - j);
    }
}

// second(place, first(place)) for each vector of units, where either is a long chain of operations: the second comes after
// the first of the next vector, so that the processor always has two chains to choose from.
template <class T, class Args, class First, class Second>
ELMAN_INLINE void each_in_stages(const Args& a, First first, Second second) {
    Place before{};
    decltype(first(before)) state;
    bool begun = false;
    for (std::size_t row = 0; row < a.rows; ++row) {
        for (std::size_t j = a.first; j < a.last; j += lanes<T>) {
            const Place at{row, j, a.hidden - j};
            const auto next = first(at);
            if (begun) second(before, state);
            state = next;
            before = at;
            begun = true;
        }
    }
    if (begun) second(before, state);
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
    return fused<T>(broadcast<T>(zone.rate), old, (T(1) - zone.rate) * fresh);
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
    const std::size_t at = i * a.stride + j;
    V<T> d{};
    if (a.d_out != nullptr) d = load_first<T>(a.d_out[i] + j, count);
    if (a.direct != nullptr) d += load_first<T>(a.direct + at, count);
    if (a.product != nullptr) d += masked<T>(a.mask, i, j, count, load_first<T>(a.product + at, count));
    return d;
}

template <class T>
ELMAN_INLINE void set_direct(const StepBackward<T>& a, std::size_t i, std::size_t j, std::size_t count, V<T> d) {
    if (a.direct != nullptr) store_first<T>(d, a.direct + i * a.stride + j, count);
}

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
                .cell_state = false,
                .extra = 0};
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> h = Activation::template apply<T>(load_first<T>(a.gates[row] + j, count));
            if (a.kept != nullptr) store_first<T>(h, a.kept[row] + j, count);
            const V<T> old = a.zone_h.on ? load_first<T>(a.h_prev[row] + j, count) : V<T>{};
            store_first<T>(zoned<T>(a.zone_h, row, j, count, h, old), a.h[row] + j, count);
        });
    }

    template <class T>
    static void backward(const StepBackward<T>& a) {
        each_vector<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> d = incoming<T>(a, i, j, count);
            const V<T> kept = kept_share<T>(a.zone_h, i, j, count, d);
            const V<T> h = load_first<T>(a.gates[i] + j, count);
            store_first<T>((d - kept) * Activation::template slope<T>(h), a.d_gates[i] + j, count);
            set_direct<T>(a, i, j, count, kept);
        });
    }
};

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
                .cell_state = true,
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
            if (a.kept != nullptr) {
                T* kept = a.kept[row] + j;
                store_first<T>(v.old, a.c_prev[row] + j, count);
                store_first<T>(v.i, kept, count);
                store_first<T>(v.f, kept + a.block, count);
                store_first<T>(v.g, kept + 2 * a.block, count);
                store_first<T>(o, kept + 3 * a.block, count);
            }
            store<T>(zoned<T>(a.zone_c, row, j, count, c, v.old), a.c + row * a.stride + j);
            const V<T> h_old = a.zone_h.on ? load_first<T>(a.h_prev[row] + j, count) : V<T>{};
            store_first<T>(zoned<T>(a.zone_h, row, j, count, h, h_old), a.h[row] + j, count);
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
            // the division takes a quarter of the time; where o is all but zero, so is what its derivatives are worth
            const V<T> squashed = a.h != nullptr ? load_first<T>(a.h[row] + j, count) / at_least<T>(o, T(0x1p-100))
                                                 : Tanh::apply<T>(fused<T>(f, old, i * g));
            V<T> d_h = incoming<T>(a, row, j, count);
            const V<T> kept_h = kept_share<T>(a.zone_h, row, j, count, d_h);
            set_direct<T>(a, row, j, count, kept_h);
            d_h -= kept_h;
            const V<T> d_o = d_h * squashed * (o * (T(1) - o));
            V<T> d_c = load_first<T>(d_cell, count);
            const V<T> kept_c = kept_share<T>(a.zone_c, row, j, count, d_c);
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
};

// Reset after the product. Blocks n r z m, where m is the state's share of n before the reset: h's product lies in
// r z m side by side, x's in n r z.
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
                .cell_state = false,
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
            if (a.kept != nullptr) {
                T* kept = a.kept[row] + j;
                store_first<T>(n, kept, count);
                store_first<T>(v.r, kept + a.block, count);
                store_first<T>(v.z, kept + 2 * a.block, count);
                store_first<T>(v.m, kept + 3 * a.block, count);
            }
            store_first<T>(zoned<T>(a.zone_h, row, j, count, h, old), a.h[row] + j, count);
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
            const V<T> kept = kept_share<T>(a.zone_h, row, j, count, d);
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
};

// Reset before the product: n waits for the product of r ⊙ h. Blocks r z n.
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
                .cell_state = false,
                .extra = 0};
    }

    template <class T>
    static void reset_forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> r = Sigmoid::apply<T>(load_first<T>(a.gates[row] + j, count));
            const V<T> reset = r * load_first<T>(a.h_prev[row] + j, count);
            if (a.kept != nullptr) store_first<T>(r, a.kept[row] + j, count);
            store_first<T>(masked<T>(a.mask, row, j, count, reset), a.operand[row] + j, count);
        });
    }

    template <class T>
    static void forward(const StepForward<T>& a) {
        each_vector<T>(a, [&](std::size_t row, std::size_t j, std::size_t count) __attribute__((always_inline)) {
            const V<T> z = Sigmoid::apply<T>(load_first<T>(a.gates[row] + a.block + j, count));
            const V<T> n = Tanh::apply<T>(load_first<T>(a.gates[row] + 2 * a.block + j, count));
            const V<T> old = load_first<T>(a.h_prev[row] + j, count);
            if (a.kept != nullptr) {
                store_first<T>(z, a.kept[row] + a.block + j, count);
                store_first<T>(n, a.kept[row] + 2 * a.block + j, count);
            }
            store_first<T>(zoned<T>(a.zone_h, row, j, count, n + z * (old - n), old), a.h[row] + j, count);
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
            const V<T> kept = kept_share<T>(a.zone_h, row, j, count, d);
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
};

template <class T>
void zone(const StepForward<T>& a) {
    each_vector<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
        const V<T> fresh = load_first<T>(a.h[i] + j, count), old = load_first<T>(a.h_prev[i] + j, count);
        store_first<T>(zoned<T>(a.zone_h, i, j, count, fresh, old), a.h[i] + j, count);
    });
}

template <class T>
void collect(const StepBackward<T>& a, T* const* out) {
    each_vector<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
        const V<T> d = incoming<T>(a, i, j, count);
        const V<T> kept = kept_share<T>(a.zone_h, i, j, count, d);
        set_direct<T>(a, i, j, count, kept);
        store_first<T>(d - kept, out[i] + j, count);
    });
}

template <class T>
constexpr CellKernels<T> cells[] = {
    {Rnn<HyperbolicTangent>::plan("rnn"),
     {Rnn<HyperbolicTangent>::forward<T>},
     {Rnn<HyperbolicTangent>::backward<T>},
     nullptr},
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
