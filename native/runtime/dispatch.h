// Which of the compiled targets runs.
#pragma once

#include <span>
#include <string_view>

#include "kernels/table.h"

namespace elman {

struct Target {
    std::string_view name;
    bool supported;  // by this processor and its operating system
    const Kernels* kernels;
};

// All that were compiled, best first.
std::span<const Target> targets();

// The target of that name. Throws std::invalid_argument where it is unknown or unsupported, naming those that can run.
const Target& find_target(std::string_view name);

// The best supported target, or the one that the environment variable ELMAN_TARGET names; settled at the first call.
const Target& active_target();

}  // namespace elman
