// Whether a team shares in a large single step: steps come one call each, and a step is shorter than waking a thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "threads.h"

namespace elman {

// Of one stepper, by its own clock. Calls from several threads at once mix their times, which costs speed at most.
class Pace {
public:
    using Clock = std::chrono::steady_clock;
    using Time = Clock::time_point;

    // Where steps follow one another closely, the team's threads stay awake between them; waking them is worth it from
    // about so many on.
    bool shares(Time begin) {
        const bool close = begin.time_since_epoch().count() - last_end_ < awake.count();
        row_ = close ? std::min(row_ + 1, steps_to_wake) : 0;
        return row_ == steps_to_wake && rest_ == 0;
    }

    // Sharing goes on while it pays: a processor that is busy with something else keeps the whole team waiting.
    void ended(Time begin, bool shared) {
        const Time end = Clock::now();
        const long long took = (end - begin).count();
        if (!shared) {
            alone_ = alone_ == 0 ? took : alone_ + (took - alone_) / 8;
            if (rest_ > 0) --rest_;
            mean_ = 0;
        } else if (mean_ == 0) {
            mean_ = alone_ / 2 + 1;  // the first one wakes the threads, and says nothing of those that follow
        } else {
            mean_ = mean_ + (std::min(took, 16 * alone_) - mean_) / 64;
            if (mean_ > alone_) rest_ = steps_of_rest;
        }
        last_end_ = end.time_since_epoch().count();
    }

private:
    // A number that is read and written without care for what others do in between.
    template <class U>
    struct Loose {
        std::atomic<U> value{0};
        operator U() const { return value.load(std::memory_order_relaxed); }
        U operator=(U to) { return value.store(to, std::memory_order_relaxed), to; }
        void operator--() { *this = *this - 1; }
    };

    static constexpr Clock::duration awake = std::chrono::microseconds(awake_microseconds);
    static constexpr int steps_to_wake = 16, steps_of_rest = 1000;

    Loose<long long> last_end_, alone_, mean_;  // ticks: of the clock; of a step alone, and shared
    Loose<int> row_, rest_;                     // steps to go alone before the next try
};

}  // namespace elman
