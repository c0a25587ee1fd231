// When steps are shared, by a clock of its own. Prints "ok", or the line that does not hold.
#include "runtime/step_sharing.h"

#include <cstdio>
#include <cstdlib>

using elman::StepSharing;

#define HOLDS(what) \
    if (!(what)) std::printf("line %d: %s\n", __LINE__, #what), std::exit(1)

namespace {

constexpr auto us = [](int n) { return std::chrono::microseconds(n); };

struct Steps {
    StepSharing sharing;
    StepSharing::Time now{std::chrono::hours(1)};

    // One step `pause` after the last; tells whether it was shared.
    bool step(int alone, int shared, int pause = 1) {
        now += us(pause);
        const StepSharing::Time begin = now;
        const bool shares = sharing.begins(begin);
        now += us(shares ? shared : alone);
        sharing.ended(begin, now, shares);
        return shares;
    }
    // How many of `count` steps go alone before the first shared one; `count` if all do.
    int until_shared(int count, int alone, int shared, int pause = 1) {
        for (int k = 0; k < count; ++k) {
            if (step(alone, shared, pause)) return k;
        }
        return count;
    }
};

}  // namespace

int main() {
    {
        Steps far;
        HOLDS(far.until_shared(1000, 16, 8, 40) == 1000);
        HOLDS(far.until_shared(1000, 16, 8) == 15);
        for (int k = 0; k < 5000; ++k) HOLDS(far.step(16, 8));  // it pays
        HOLDS(!far.step(16, 8, 40));                            // a pause, and it begins anew
        HOLDS(far.until_shared(1000, 16, 8) == 15);
    }
    {
        Steps waking;  // the first shared steps may take long
        waking.until_shared(100, 16, 300);
        for (int k = 0; k < 3; ++k) HOLDS(waking.step(16, 300));
        for (int k = 0; k < 5000; ++k) HOLDS(waking.step(16, 8));
    }
    {
        Steps busy;  // the other processor is taken now and then: the rest grows
        const auto fails = [&] {
            busy.until_shared(100000, 16, 8);
            for (int k = 0; k < 10; ++k) busy.step(16, 8);
            HOLDS(busy.step(16, 20000));
        };
        fails();
        HOLDS(busy.until_shared(100000, 16, 8) == 1000);
        fails();
        HOLDS(busy.until_shared(100000, 16, 8) == 2000);
        for (int k = 0; k < 20000; ++k) HOLDS(busy.step(16, 8));  // and is forgotten
        fails();
        HOLDS(busy.until_shared(100000, 16, 8) == 1000);
    }
    {
        Steps long_;  // worth waking threads for after any pause
        HOLDS(long_.until_shared(1000, 600, 300, 500) == 16);
        for (int k = 0; k < 5000; ++k) HOLDS(long_.step(600, 300, 500));
        HOLDS(long_.step(600, 9000, 500) && long_.step(600, 300, 500));  // late once
        int slow = 0;  // beside a busy program
        while (long_.step(600, 9000, 500)) ++slow;
        HOLDS(slow < 4);
        HOLDS(long_.until_shared(100000, 600, 300, 500) > 990);
    }
    std::printf("ok\n");
}
