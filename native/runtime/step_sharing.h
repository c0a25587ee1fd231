// Whether threads share a large single step. Steps come one call each, and a step is shorter than waking a thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "runtime/tuning.h"

namespace elman {

// One per stepper. Concurrent calls mix up their times, which only affects speed.
class StepSharing {
public:
    using Clock = std::chrono::steady_clock;
    using Time = Clock::time_point;

    // Whether the step that begins is shared. Between steps that follow one another closely the threads stay awake, and
    // for a long step they are worth waking; both from the `steps_to_wake`th such step on.
    bool begins(Time begin) {
        const bool close = begin.time_since_epoch().count() - last_end_ < awake.count();
        row_ = close || alone_ > worth_waking.count() ? std::min(row_ + 1, tuning::steps_to_wake) : 0;
        return row_ == tuning::steps_to_wake && rest_ == 0;
    }

    // Sharing continues while it pays: a processor that is busy with something else keeps the whole team waiting. After
    // each failure the next attempt comes later.
    void ended(Time begin, Time end, bool shared) {
        const long long took = (end - begin).count();
        const long long window = std::clamp(long_delay.count() / std::max<long long>(alone_, 1), least_window, most_window);
        if (!shared) {
            alone_ = alone_ == 0 ? took : alone_ + (took - alone_) / 8;
            if (rest_ > 0) rest_ = rest_ - 1;
            shared_ = 0;
        } else if (shared_ = shared_ + 1; shared_ <= tuning::steps_of_grace) {
            sum_ = alone_ / 2 * window;
        } else {
            sum_ = sum_ + took - sum_ / window;
            if (sum_ > alone_ * window) {
                rest_ = static_cast<int>(next_rest_);
                next_rest_ = std::min(2 * next_rest_, tuning::most_rest);
                paid_ = 0;
            } else if (paid_ = paid_ + 1; paid_ == tuning::steps_of_success) {
                next_rest_ = tuning::least_rest;
            }
        }
        last_end_ = end.time_since_epoch().count();
    }

private:
    // A number read and written with relaxed ordering.
    template <class U>
    struct Loose {
        std::atomic<U> value{0};
        operator U() const { return value.load(std::memory_order_relaxed); }
        U operator=(U to) { return value.store(to, std::memory_order_relaxed), to; }
    };

    static constexpr Clock::duration awake = std::chrono::microseconds(tuning::awake_microseconds),
                                     worth_waking = std::chrono::microseconds(tuning::worth_waking_microseconds),
                                     long_delay = std::chrono::milliseconds(tuning::long_delay_milliseconds);
    static constexpr long long least_window = tuning::least_sharing_window, most_window = tuning::most_sharing_window;

    Loose<long long> last_end_, alone_,
        sum_;                   // in ticks: the end of the last step; one unshared step; a window of shared steps
    Loose<int> row_;            // close steps in a row, up to steps_to_wake
    Loose<int> shared_, paid_;  // shared steps in a row, and since the last failure
    Loose<int> rest_,
        next_rest_{tuning::least_rest};  // unshared steps before the next attempt, and after it if it fails
};

}  // namespace elman
