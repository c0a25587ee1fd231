// How the pool's threads wait for each other. Only for threads.cpp.
#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>

#include "runtime/tuning.h"

namespace elman {

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// A number whose changes threads wait for.
//
// Its changes are sequentially consistent, not merely releasing: wake() must not look for sleepers before the change
// is visible to one about to sleep. (The library's notify checks for sleepers too, so the same holds for it.)
struct alignas(tuning::cache_line) Signal {
    std::atomic<unsigned> value{0};
    std::atomic<unsigned> sleepers{0};

    // Returns whether it slept.
    bool wait_while(unsigned old, std::chrono::microseconds yielding = {}) {
        const auto changes = [&] {
            for (int k = 0; k < 16; ++k) {
                if (value.load(std::memory_order_acquire) != old) return true;
                relax();
            }
            return false;
        };
        if (changes()) return false;
        using Clock = std::chrono::steady_clock;
        constexpr auto spinning = std::chrono::microseconds(tuning::awake_microseconds);
        const auto start = Clock::now();
        for (auto waited = Clock::duration{}; waited < spinning + yielding; waited = Clock::now() - start) {
            if (changes()) return false;
            if (waited > spinning) sched_yield();
        }
        ++sleepers;
        value.wait(old);
        --sleepers;
        return true;
    }

    void wake() {
        if (sleepers != 0) value.notify_all();
    }
};

}  // namespace elman
