// A batch out of Python's objects: how many rows are active at each step, their order, and where segments start.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bind/tensors.h"
#include "recurrence/call.h"

// A batch, what keeps its memory, and which dimension of its tensors is time: 0, 1, or -1 where they are packed.
struct Steps {
    elman::Batch batch{};
    int time = 0;
    std::size_t total = 0;  // steps of all rows: those that a packed tensor has
    nanobind::object counts, order, resets;

    Steps(std::size_t steps, std::size_t rows, nanobind::object counts_, nanobind::object order_, int time_,
          nanobind::object resets_, int threads)
        : batch{steps, rows, nullptr, nullptr, time_ < 0, nullptr, 0, 0, threads},
          time(time_),
          total(steps * rows),
          counts(std::move(counts_)),
          order(std::move(order_)),
          resets(std::move(resets_)) {
        if (steps == 0 || time < -1 || time > 1 || threads < 1) {
            throw std::invalid_argument("a batch needs a step, a time dimension of -1, 0 or 1, and a thread");
        }
        if (batch.packed && counts.is_none()) throw std::invalid_argument("packed tensors need counts");
        read_counts();
        read_order();
        read_resets();
    }

private:
    void read_counts() {
        const auto steps = static_cast<std::int64_t>(batch.steps);
        const View at = dense(counts, "counts", nanobind::dtype<std::int64_t>(), {&steps, 1});
        if (counts.is_none()) return;
        check_storage(counts, at, "counts");
        batch.counts = static_cast<const std::int64_t*>(at.data);
        std::int64_t before = static_cast<std::int64_t>(batch.rows);
        total = 0;
        for (std::size_t t = 0; t < batch.steps; ++t) {
            const std::int64_t count = batch.counts[t];
            if (count > before || count < (batch.packed ? 1 : 0)) {
                throw std::invalid_argument("counts must not rise, from the number of rows down to at least one");
            }
            total += static_cast<std::size_t>(count);
            before = count;
        }
    }

    void read_order() {
        const auto rows = static_cast<std::int64_t>(batch.rows);
        const View at = dense(order, "order", nanobind::dtype<std::int64_t>(), {&rows, 1});
        if (order.is_none()) return;
        check_storage(order, at, "order");
        batch.order = static_cast<const std::int64_t*>(at.data);
        std::vector<bool> there(batch.rows, false);
        for (std::size_t k = 0; k < batch.rows; ++k) {
            const std::int64_t row = batch.order[k];
            if (row < 0 || row >= rows || there[static_cast<std::size_t>(row)]) {
                throw std::invalid_argument("order must name each row once");
            }
            there[static_cast<std::size_t>(row)] = true;
        }
    }

    void read_resets() {
        const View at = view(resets, "resets");
        if (resets.is_none()) return;
        const std::int64_t shape[] = {static_cast<std::int64_t>(batch.steps), static_cast<std::int64_t>(batch.rows)};
        if (!(at.type == nanobind::dtype<bool>()) || !at.has_shape(shape)) {
            throw std::invalid_argument("resets is " + described(at.type, {at.shape, static_cast<std::size_t>(at.dims)}) +
                                        "; it must be " + described(nanobind::dtype<bool>(), shape));
        }
        check_storage(resets, at, "resets");
        batch.resets = static_cast<const std::uint8_t*>(at.data);
        batch.reset_time = at.strides[0], batch.reset_row = at.strides[1];
    }
};
