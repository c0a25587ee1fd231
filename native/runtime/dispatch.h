// The choice among the compiled targets.
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

// All compiled targets, best first.
std::span<const Target> targets();

// The target of that name. Throws std::invalid_argument if it is unknown or unsupported, naming those that run here.
const Target& find_target(std::string_view name);

// The best supported target, or the one named by the environment variable ELMAN_TARGET; decided at the first call.
const Target& active_target();

}  // namespace elman
