// What the cells' pointwise functions are made of: loops over vectors of units, zoneout, dropout, incoming gradients.
#pragma once

#include "kernels/arguments.h"
#include "kernels/simd.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
using V = Vector<T>;

// A vector of units: its row, its first unit, and how many units are left in the row.
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

// second(place, first(place)) for each vector of units, where both are long dependency chains: the second runs after
// the first of the next vector, so that the processor can overlap the two.
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

// `kept` where the mask's byte is nonzero, else `taken`.
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
ELMAN_INLINE V<T> zoned(const Zoneout<T>& zone, std::size_t i, std::size_t j, std::size_t count, V<T> fresh, V<T> old) {
    if (!zone.on) return fresh;
    if (zone.mask != nullptr) return select<T>(zone.mask[i] + j, count, old, fresh);
    return fused<T>(broadcast<T>(zone.rate), old, (T(1) - zone.rate) * fresh);
}

// The part of a gradient that zoneout passes to the old value; the rest goes to the new one.
template <class T>
ELMAN_INLINE V<T> kept_share(const Zoneout<T>& zone, std::size_t i, std::size_t j, std::size_t count, V<T> d) {
    if (!zone.on) return V<T>{};
    if (zone.mask != nullptr) return select<T>(zone.mask[i] + j, count, d, V<T>{});
    return zone.rate * d;
}

template <class T>
ELMAN_INLINE V<T> masked(const T* const* mask, std::size_t i, std::size_t j, std::size_t count, V<T> x) {
    return mask == nullptr ? x : x * load_first<T>(mask[i] + j, count);
}

// The whole gradient of h at this step.
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

template <class T>
void zoneout(const StepForward<T>& a) {
    each_vector<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
        const V<T> fresh = load_first<T>(a.h[i] + j, count), old = load_first<T>(a.h_prev[i] + j, count);
        store_first<T>(zoned<T>(a.zoneout_h, i, j, count, fresh, old), a.h[i] + j, count);
    });
}

template <class T>
void output_gradient(const StepBackward<T>& a, T* const* out) {
    each_vector<T>(a, [&](std::size_t i, std::size_t j, std::size_t count) __attribute__((always_inline)) {
        const V<T> d = incoming<T>(a, i, j, count);
        const V<T> kept = kept_share<T>(a.zoneout_h, i, j, count, d);
        set_direct<T>(a, i, j, count, kept);
        store_first<T>(d - kept, out[i] + j, count);
    });
}

}  // namespace elman::ELMAN_TARGET_NAME
