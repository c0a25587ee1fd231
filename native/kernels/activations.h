// exp, tanh and sigmoid on vectors.
//
// All three rest on one reduction. With n the integer nearest to y / ln 2 and r = y - n ln 2,
//
//     e^y = 2^n (1 + s),   s = e^r - 1 = r + r^2 q(r),   |r| <= ln 2 / 2,
//
// where q is the polynomial of least relative error in s (found by Remez exchange; its error is given beside it).
// Keeping s and 2^n apart lets e^y ± 1 be formed as 2^n s + (2^n ± 1) without the rounding of e^y itself: the product
// is exact.
//
// Largest error in units in the last place, subnormal results included (float32: found by trying every value on every
// x86-64 target; tests/native samples the range):
//
//                float32   float64
//     exp          1.0       1.0
//     tanh         2.0       2.1
//     sigmoid      2.5       2.5
//
// Infinities give the limits, a NaN gives a NaN, tanh keeps the sign of zero and no result leaves the function's range.
#pragma once

#include "kernels/simd.h"

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
        0.4999999999999999998564808,   0.1666666666666667668897248,   0.04166666666666670165925956,
        0.008333333333321531175913592, 0.001388888888886669072362946, 0.0001984126988640145720213513,
        2.480158736084734089506252e-5, 2.755724391142880767522369e-6, 2.755724251105900014987480e-7,
        2.510914744194205165829536e-8, 2.092452034988966325835451e-9};
};

// artanh(r) = r p(r^2) for |r| <= 1/3; relative error 2^-33 and 2^-64 (interpolated at Chebyshev points).
template <class T>
struct Artanh;

template <>
struct Artanh<float> {
    static constexpr float p[] = {0.9999999999045030065f, 0.3333333951321698478f, 0.1999935562343116581f,
                                  0.1431010370421861917f, 0.1069928025333927162f, 0.1219695404201151245f};
};

template <>
struct Artanh<double> {
    static constexpr double p[] = {0.9999999999999999999679,  0.3333333333333334166219,  0.1999999999999643338002,
                                   0.1428571428631146398344,  0.1111111105955183720101,  0.09090911711247626245941,
                                   0.0769222353022998377718,  0.06668438407871917676862, 0.05857637334055212641844,
                                   0.05488308318973747032633, 0.03490195249166216010317, 0.08244142965694784310858};
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
    const Power<T> n = Power<T>::nearest(y * E::log2_e);
    const Vector<T> r = (y - n.exponent() * E::ln2_high) - n.exponent() * E::ln2_low, square = r * r;
    // even and odd powers apart: two short chains instead of a long one
    constexpr int degree = sizeof(E::q) / sizeof(T) - 1, last_odd = degree - 1 + degree % 2,
                  last_even = degree - degree % 2;
    Vector<T> even = broadcast<T>(E::q[last_even]), odd = broadcast<T>(E::q[last_odd]);
#pragma GCC unroll 8
    for (int i = last_even - 2; i >= 0; i -= 2) even = even * square + E::q[i];
#pragma GCC unroll 8
    for (int i = last_odd - 2; i > 0; i -= 2) odd = odd * square + E::q[i];
    even = odd * r + even;
    return {n, square * even + r};
}

// x · 2^n, rounded once also where the result is subnormal.
template <class T>
ELMAN_INLINE Vector<T> scaled(Vector<T> x, Power<T> n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        return (Vector<T>)_mm512_scalef_ps((__m512)x, (__m512)n.exponent());
    } else {
        return (Vector<T>)_mm512_scalef_pd((__m512d)x, (__m512d)n.exponent());
    }
#else
    // two factors, each a normal number where 2^n itself may not be one
    const Power<T> half = Power<T>::nearest(n.exponent() * T(0.5));
    const Power<T> rest = Power<T>::nearest(n.exponent() - half.exponent());
    return x * rest.value() * half.value();
#endif
}

struct Exp {
    template <class T>
    ELMAN_INLINE Vector<T> apply(Vector<T> x) {
        using E = Exponential<T>;
        const Reduced<T> e = reduce<T>(at_most<T>(at_least<T>(x, E::lowest), E::highest));
        return scaled<T>(T(1) + e.s, e.n);
    }
};

// 1 / (1 + t) for positive x, t / (1 + t) for negative, where t = e^-|x| cannot overflow.
struct Sigmoid {
    template <class T>
    ELMAN_INLINE Vector<T> apply(Vector<T> x) {
        const Vector<T> y = (Vector<T>)((Bits<T>)x | Simd<T>::sign_bit);
        const Reduced<T> e = reduce<T>(at_least<T>(y, Exponential<T>::lowest));
        const Vector<T> t = scaled<T>(T(1) + e.s, e.n);
        return (x < T(0) ? t : broadcast<T>(1)) / (T(1) + t);
    }
};

// (1 - e^-2|x|) / (1 + e^-2|x|), with the sign of x. The negative exponent keeps both sums below 2, where they round
// finely.
struct Tanh {
    template <class T>
    ELMAN_INLINE Vector<T> apply(Vector<T> x) {
        const Vector<T> size = (Vector<T>)((Bits<T>)x & ~Simd<T>::sign_bit);
        const Reduced<T> e = reduce<T>(T(-2) * at_most<T>(size, Exponential<T>::saturated));
        const Vector<T> power = e.n.value();
        const Vector<T> y = (power * e.s + (power - T(1))) / (power * e.s + (power + T(1)));
        return (Vector<T>)(((Bits<T>)y & ~Simd<T>::sign_bit) | ((Bits<T>)x & Simd<T>::sign_bit));
    }
};

// log σ(x) = min(x, 0) - log(1 + t) with t = e^-|x|, and its slope σ(-x). log(1 + t) = 2 artanh(t / (2 + t)): an even
// polynomial of an argument of at most 1/3, times that argument.
template <class T>
struct LogSigmoid {
    Vector<T> value, slope;

    __attribute__((always_inline)) explicit LogSigmoid(Vector<T> x) {
        const Vector<T> y = (Vector<T>)((Bits<T>)x | Simd<T>::sign_bit);
        const Reduced<T> e = reduce<T>(at_least<T>(y, Exponential<T>::lowest));
        const Vector<T> t = scaled<T>(T(1) + e.s, e.n), r = t / (T(2) + t), square = r * r;
        constexpr int degree = sizeof(Artanh<T>::p) / sizeof(T) - 1;
        Vector<T> sum = broadcast<T>(Artanh<T>::p[degree]);
#pragma GCC unroll 12
        for (int i = degree - 1; i >= 0; --i) sum = sum * square + Artanh<T>::p[i];
        value = (x < T(0) ? x : Vector<T>{}) - T(2) * r * sum;
        slope = (x < T(0) ? broadcast<T>(1) : t) / (T(1) + t);
    }
};

// A value does not depend on its position: the last, partial vector goes through the same arithmetic as the others.
template <class F, class T>
void elementwise(const T* x, T* out, std::size_t n) {
    for (std::size_t i = 0; i < n; i += lanes<T>) {
        store_first<T>(F::template apply<T>(load_first<T>(x + i, n - i)), out + i, n - i);
    }
}

}  // namespace elman::ELMAN_TARGET_NAME
