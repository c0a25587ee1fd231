// Arithmetic without subnormal numbers.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace elman {

// While it lives, what is too small for a normal number is zero, in this thread and in the teams that it runs.
// Processors take many times as long over subnormal numbers, which a gradient that fades consists of for many steps
// before it is zero (`python -m benchmarks last_step`).
class FlushSubnormals {
public:
#if defined(__x86_64__)
    FlushSubnormals() : own_(_mm_getcsr()) { _mm_setcsr(own_ | 0x8040u); }  // results (FTZ) and operands (DAZ)
    ~FlushSubnormals() { _mm_setcsr(own_); }
#elif defined(__aarch64__)
    FlushSubnormals() {
        asm volatile("mrs %0, fpcr" : "=r"(own_));
        set(own_ | std::uint64_t{1} << 24);
    }
    ~FlushSubnormals() { set(own_); }
#else
    FlushSubnormals() {}
#endif
    FlushSubnormals(const FlushSubnormals&) = delete;
    FlushSubnormals& operator=(const FlushSubnormals&) = delete;

private:
#if defined(__x86_64__)
    const unsigned own_;
#elif defined(__aarch64__)
    static void set(std::uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
    std::uint64_t own_;
#endif
};

}  // namespace elman
