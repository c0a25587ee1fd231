// The processor's limits, which benchmarks compare with.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string_view.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "bind/bind.h"
#include "recurrence/packed_weights.h"
#include "runtime/dispatch.h"
#include "runtime/threads.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The best of many short runs, as others disturb some of them.
double fma_peak(double seconds, int threads, std::optional<std::string_view> target) {
    const elman::Kernels& kernels = *(target ? elman::find_target(*target) : elman::active_target()).kernels;
    const nb::gil_scoped_release unlocked;
    double best = 0;
    const Clock::time_point begin = Clock::now();
    do {
        std::atomic<double> total = 0;
        elman::run_team(threads, [&](elman::Team& team) {
            kernels.multiply_adds(1000);
            team.barrier();
            const Clock::time_point start = Clock::now();
            const double done = kernels.multiply_adds(200000);
            total += 2 * done / since(start);
        });
        best = std::max(best, total.load());
    } while (since(begin) < seconds);
    return best / 1e9;
}

double read_bandwidth(std::size_t bytes, double seconds) {
    const elman::KernelsOf<float>& kernels = elman::active_target().kernels->f32;
    const nb::gil_scoped_release unlocked;
    // a matrix times a vector, like a step at batch size one: each packed value is read once
    const std::size_t k = 256;
    const std::size_t columns = std::max<std::size_t>(1, bytes / (sizeof(float) * k * kernels.lanes)) * kernels.lanes;
    const std::size_t width = elman::single_row_width(kernels, k, columns), panels = (columns + width - 1) / width;
    std::vector<float> matrix(panels * width * k + 16, 1.0f), x(k, 1.0f), y(columns, 0.0f);
    float* aligned = matrix.data();
    while (reinterpret_cast<std::uintptr_t>(aligned) % 64 != 0) ++aligned;
    const float* a = x.data();
    float* c = y.data();
    double best = 0;
    const Clock::time_point begin = Clock::now();
    do {
        const Clock::time_point start = Clock::now();
        for (int i = 0; i < 20; ++i)
            kernels.matmul({1, columns, k, &a, 0, aligned, width, &c, 0, 0, panels, nullptr, false, i % 2 != 0});
        best = std::max(best, 20 * static_cast<double>(columns * k * sizeof(float)) / since(start));
    } while (since(begin) < seconds);
    return best / 1e9;
}

}  // namespace

void def_measures(nb::module_& module) {
    module.def("fma_peak", &fma_peak, "seconds"_a, "threads"_a, "target"_a = nb::none(),
               "float32 multiply-adds on registers alone, as GFLOP/s (two for each).");
    module.def("read_bandwidth", &read_bandwidth, "bytes"_a, "seconds"_a,
               "GB/s at which a matrix of so many bytes is read over and over, by the product of a vector.");
}
