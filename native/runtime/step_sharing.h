// Whether a team shares in a large single step: steps come one call each, and a step is shorter than waking a thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "runtime/tuning.h"

namespace elman {

// Of one stepper. Calls from several threads at once mix their times, which costs speed at most.
class StepSharing {
public:
    using Clock = std::chrono::steady_clock;
    using Time = Clock::time_point;

    // Where steps follow one another closely, the team's threads stay awake between them; waking them is worth it from
    // about so many on.
    bool begins(Time begin) {
        const bool close = begin.time_since_epoch().count() - last_end_ < awake.count();
        row_ = close ? std::min(row_ + 1, tuning::steps_to_wake) : 0;
        return row_ == tuning::steps_to_wake && rest_ == 0;
    }

    // Sharing goes on while it pays: a processor that is busy with something else keeps the whole team waiting. Each time
    // that it does not, the next try comes later.
    void ended(Time begin, Time end, bool shared) {
        const long long took = (end - begin).count();
        if (!shared) {
            alone_ = alone_ == 0 ? took : alone_ + (took - alone_) / 8;
            if (rest_ > 0) rest_ = rest_ - 1;
            shared_ = 0;
        } else if (shared_ = shared_ + 1; shared_ <= tuning::steps_of_grace) {
            sum_ = alone_ / 2 * tuning::sharing_window;
        } else {
            sum_ = sum_ + took - sum_ / tuning::sharing_window;
            if (sum_ > alone_ * tuning::sharing_window) {
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
    // A number that is read and written without care for what others do in between.
    template <class U>
    struct Loose {
        std::atomic<U> value{0};
        operator U() const { return value.load(std::memory_order_relaxed); }
        U operator=(U to) { return value.store(to, std::memory_order_relaxed), to; }
    };

    static constexpr Clock::duration awake = std::chrono::microseconds(tuning::awake_microseconds);

    Loose<long long> last_end_, alone_, sum_;  // ticks: of the clock; of a step alone; of a window of shared ones
    Loose<int> row_;                           // steps that followed closely, as far as they count
    Loose<int> shared_, paid_;                 // steps shared in a row; and since the last failure
    Loose<int> rest_,
        next_rest_{tuning::least_rest};  // steps to go alone before the next try; and after that, if it fails
};

}  // namespace elman
