// The processor's arithmetic limit.
#pragma once

#include "kernels/lanes.h"

namespace elman::ELMAN_TARGET_NAME {

// More independent sums than the latency of a multiply-add asks for, few enough to stay in registers.
double multiply_adds(std::size_t rounds) {
    constexpr int sums = 12;
    Vector<float> sum[sums];
    for (int i = 0; i < sums; ++i) sum[i] = broadcast<float>(static_cast<float>(i));  // or they would be one
    Vector<float> a = broadcast<float>(0.5f), b = broadcast<float>(1.0f);
    asm("" : "+m"(a), "+m"(b));  // a compiler that knew them would leave out the sum that begins with 2, and stays 2
    for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
        for (int i = 0; i < sums; ++i) sum[i] = sum[i] * a + b;
    }
    Vector<float> total{};
    for (int i = 0; i < sums; ++i) total += sum[i];
    // never negative: the sums are asked for, so that they are done
    return sum_of<float>(total) < 0 ? 0 : static_cast<double>(rounds) * sums * lanes<float>;
}

}  // namespace elman::ELMAN_TARGET_NAME
