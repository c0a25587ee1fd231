// exp, tanh and sigmoid on vectors.
//
// All three rest on one reduction. With n the integer nearest to y / ln 2 and r = y - n ln 2,
//
//     e^y = 2^n (1 + s),   s = e^r - 1 = r + r^2 q(r),   |r| <= ln 2 / 2,
//
// where q is the polynomial of least relative error in s (found by Remez exchange; the error stands beside it).
// Keeping s and 2^n apart lets e^y ± 1 be formed as 2^n s + (2^n ± 1) without the rounding of e^y itself: the product
// is exact.
//
// Largest error in units in the last place, subnormal results included (float32: found by trying every value on every
// x86-64 target; tests/native samples the range):
//
//                float32   float64
//     exp          1.0       1.0
//     tanh         2.0       2.1
//     sigmoid      2.0       2.0
//
// Infinities give the limits, a NaN gives a NaN, tanh keeps the sign of zero and no result leaves the function's range.
#pragma once

#include "simd.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
struct Exponential;

template <>
struct Exponential<float> {
    static constexpr float log2_e = 0x1.715476p+0f;
    // ln 2 in two parts; n times the first is exact for every n that occurs
    static constexpr float ln2_high = 0x1.63p-1f;
    static constexpr float ln2_low = -0x1.bd0106p-13f;
    // 1.5 × 2^mantissa_bits: added to a number, it leaves the nearest integer in the low bits
    static constexpr float round_shift = 0x1.8p+23f;
    // beyond these e^y is 0 or infinite; tanh is ±1 in float32 beyond `saturated`
    static constexpr float lowest = -104.0f;
    static constexpr float highest = 104.0f;
    static constexpr float saturated = 10.0f;
    // relative error of s: 2^-32.0
    static constexpr float q[] = {0.50000000466644200678f,   0.16666666817910822488f,   0.041666353539805588939f,
                                  0.0083332728277237849196f, 0.0013941102187608057036f, 0.00019914304145081500551f};
};

template <>
struct Exponential<double> {
    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42feep-1;
    static constexpr double ln2_low = 0x1.a39ef35793c76p-33;
    static constexpr double round_shift = 0x1.8p+52;
    static constexpr double lowest = -746.0;
    static constexpr double highest = 746.0;
    static constexpr double saturated = 20.0;
    // relative error of s: 2^-61.7
    static constexpr double q[] = {
        0.4999999999999999998564808,   0.1666666666666667668897248,    0.04166666666666670165925956,
        0.008333333333321531175913592, 0.001388888888886669072362946,  0.0001984126988640145720213513,
        2.480158736084734089506252e-5, 2.755724391142880767522369e-6,  2.755724251105900014987480e-7,
        2.510914744194205165829536e-8, 2.092452034988966325835451e-9};
};

// An integer held as a floating-point number `shifted` by round_shift, so that its low bits are the integer's.
template <class T>
struct Power {
    Vector<T> shifted;

    ELMAN_INLINE Power nearest(Vector<T> x) { return {x + Exponential<T>::round_shift}; }
    __attribute__((always_inline)) Vector<T> exponent() const { return shifted - Exponential<T>::round_shift; }
    // 2^exponent, for exponents of normal numbers
    __attribute__((always_inline)) Vector<T> value() const {
        return (Vector<T>)(((Bits<T>)shifted + Simd<T>::exponent_bias) << Simd<T>::mantissa_bits);
    }
};

template <class T>
struct Reduced {
    Power<T> n;
    Vector<T> s;
};

// y must be within [lowest, highest] or a NaN.
template <class T>
ELMAN_INLINE Reduced<T> reduce(Vector<T> y) {
    using E = Exponential<T>;
    const Power<T> power = Power<T>::nearest(y * E::log2_e);
    const Vector<T> n = power.exponent();
    const Vector<T> r = (y - n * E::ln2_high) - n * E::ln2_low;
    constexpr int degree = sizeof(E::q) / sizeof(T) - 1;
    Vector<T> q = r * E::q[degree] + E::q[degree - 1];
    for (int k = degree - 2; k >= 0; --k) q = q * r + E::q[k];
    return {power, r + r * r * q};
}

// 2^n in two factors, each a normal number where 2^n itself may not be one.
template <class T>
struct Halves {
    Power<T> half, rest;

    explicit __attribute__((always_inline)) Halves(Power<T> n) {
        half = Power<T>::nearest(n.exponent() * T(0.5));
        rest = Power<T>::nearest(n.exponent() - half.exponent());
    }
};

// The comparisons are written so that a NaN passes through.
template <class T>
ELMAN_INLINE Vector<T> clamp(Vector<T> x, T low, T high) {
    x = x < low ? Vector<T>{} + low : x;
    return x > high ? Vector<T>{} + high : x;
}

struct Exp {
    template <class T>
    ELMAN_INLINE Vector<T> of(Vector<T> x) {
        const Reduced<T> e = reduce<T>(clamp<T>(x, Exponential<T>::lowest, Exponential<T>::highest));
        const Halves<T> power(e.n);
        return (T(1) + e.s) * power.rest.value() * power.half.value();
    }
};

// 1 / (1 + e^-x). The divisor is scaled by 2^-half, which keeps it finite where the result is subnormal. Its large
// term is added last: 2^n + 1 would lose the 1 from n = mantissa_bits + 1 on, while the product is still small enough
// to hold it.
struct Sigmoid {
    template <class T>
    ELMAN_INLINE Vector<T> of(Vector<T> x) {
        const Reduced<T> e = reduce<T>(clamp<T>(-x, Exponential<T>::lowest, Exponential<T>::highest));
        const Halves<T> power(e.n);
        const Vector<T> rest = power.rest.value();
        const Vector<T> scale = Power<T>::nearest(-power.half.exponent()).value();
        return T(1) / ((rest * e.s + scale) + rest) * scale;
    }
};

// (1 - e^-2|x|) / (1 + e^-2|x|), with the sign of x. The negative exponent keeps both sums below 2, where they round
// finely.
struct Tanh {
    template <class T>
    ELMAN_INLINE Vector<T> of(Vector<T> x) {
        const Bits<T> sign = (Bits<T>)x & Simd<T>::sign_bit;
        const Vector<T> magnitude = (Vector<T>)((Bits<T>)x ^ sign);
        const Reduced<T> e = reduce<T>(T(-2) * clamp<T>(magnitude, T(0), Exponential<T>::saturated));
        const Vector<T> power = e.n.value();
        const Vector<T> scaled = power * e.s;
        const Vector<T> result = (scaled + (power - T(1))) / (scaled + (power + T(1)));
        return (Vector<T>)(((Bits<T>)result & ~Simd<T>::sign_bit) | sign);
    }
};

// The last, partial vector goes through the same arithmetic, so a value does not depend on its place in the buffer.
template <class F, class T>
void elementwise(const T* x, T* out, std::size_t n) {
    std::size_t i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) store<T>(F::template of<T>(load<T>(x + i)), out + i);
    if (i < n) store_first<T>(F::template of<T>(load_first<T>(x + i, n - i)), out + i, n - i);
}

}  // namespace elman::ELMAN_TARGET_NAME
