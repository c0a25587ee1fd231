// A batch out of Python's objects: how many rows are active at each step, their order, and where segments start.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
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
        if (!counts.is_none()) read_counts();
        if (!order.is_none()) batch.order = permutation(order, "order");
        read_resets();
    }

    // Of a PackedSequence as it is: `inverse` must undo `order`; both may be None.
    static Steps of_packed(nanobind::object sizes, nanobind::object order, nanobind::object inverse, int threads) {
        const View at = view(sizes, "batch_sizes");
        if (at.dims != 1 || at.size() == 0 || !(at.type == nanobind::dtype<std::int64_t>())) {
            throw std::invalid_argument("batch_sizes must be int64 (steps,)");
        }
        check_storage(sizes, at, "batch_sizes");
        const std::int64_t rows = *static_cast<const std::int64_t*>(at.data);
        if (rows < 1 || order.is_none() != inverse.is_none()) {
            throw std::invalid_argument("a packed batch has rows, and both permutations of them or none");
        }
        Steps steps(static_cast<std::size_t>(at.size()), static_cast<std::size_t>(rows), std::move(sizes),
                    std::move(order), -1, nanobind::none(), threads);
        if (!inverse.is_none()) steps.check_inverse(inverse);
        return steps;
    }

private:
    void read_counts() {
        const auto steps = static_cast<std::int64_t>(batch.steps);
        const View at = dense(counts, "counts", nanobind::dtype<std::int64_t>(), {&steps, 1});
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

    const std::int64_t* permutation(nanobind::handle of, const char* what) const {
        const auto rows = static_cast<std::int64_t>(batch.rows);
        const View at = dense(of, what, nanobind::dtype<std::int64_t>(), {&rows, 1});
        check_storage(of, at, what);
        const auto* const all = static_cast<const std::int64_t*>(at.data);
        std::vector<bool> there(batch.rows, false);
        for (std::size_t k = 0; k < batch.rows; ++k) {
            if (all[k] < 0 || all[k] >= rows || there[static_cast<std::size_t>(all[k])]) {
                throw std::invalid_argument(std::string(what) + " must name each row once");
            }
            there[static_cast<std::size_t>(all[k])] = true;
        }
        return all;
    }

    void check_inverse(nanobind::handle inverse) const {
        const std::int64_t* const back = permutation(inverse, "the inverse order");
        for (std::size_t k = 0; k < batch.rows; ++k) {
            if (back[batch.order[k]] != static_cast<std::int64_t>(k)) {
                throw std::invalid_argument("the inverse order must undo the order");
            }
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
