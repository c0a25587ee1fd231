// Multiply-adds that wait for nothing: the processor's arithmetic limit.
#pragma once

#include "kernels/lanes.h"

namespace elman::ELMAN_TARGET_NAME {

// Enough independent sums to hide the latency of a multiply-add, few enough to stay in registers.
double multiply_adds(std::size_t rounds) {
    constexpr int sums = 12;
    Vector<float> sum[sums];
    for (int i = 0; i < sums; ++i)
        sum[i] = broadcast<float>(static_cast<float>(i));  // different, or they would be merged
    Vector<float> a = broadcast<float>(0.5f), b = broadcast<float>(1.0f);
    asm("" : "+m"(a), "+m"(b));  // else the compiler drops the sum that starts from 2, and stays 2
    for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
        for (int i = 0; i < sums; ++i) sum[i] = sum[i] * a + b;
    }
    Vector<float> total{};
    for (int i = 0; i < sums; ++i) total += sum[i];
    // never negative: using the sums keeps them from being dropped
    return sum_of<float>(total) < 0 ? 0 : static_cast<double>(rounds) * sums * lanes<float>;
}

}  // namespace elman::ELMAN_TARGET_NAME
