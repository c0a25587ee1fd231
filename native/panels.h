// What both directions of the walk with rows as lanes share: the batch's panels, and what lies where in them.
#pragma once

#include "lanewise.h"
#include "sequence.h"

namespace elman {

// Rows of a batch, divided into panels of whole vectors.
template <class T>
class Panels {
public:
    explicit Panels(const Sequence<T>& s) : rows_(s.batch.rows), count_(s.sizes.panels(rows_)) {
        first_ = s.memory.template take<std::size_t>(count_ + 1);  // asked for too often to be divided each time
        const std::size_t lanes = s.sizes.lanes, vectors = (rows_ + lanes - 1) / lanes;
        for (std::size_t p = 0; p <= count_; ++p) first_[p] = vectors * p / count_ * lanes;
    }

    std::size_t count() const { return count_; }
    std::size_t first(std::size_t p) const { return first_[p]; }
    std::size_t rows(std::size_t p) const { return std::min(first_[p + 1], rows_) - first_[p]; }
    std::size_t lanes(std::size_t p) const { return first_[p + 1] - first_[p]; }

private:
    std::size_t rows_, count_;
    std::size_t* first_;
};

// What both directions of the walk know of a panel.
template <class T>
class Lanewise {
public:
    explicit Lanewise(const Sequence<T>& sequence)
        : s_(sequence),
          z_(sequence.sizes),
          plan_(sequence.plan),
          panels_(sequence),
          output_is_gate_(s_.output_is_gate()),
          W_(z_.panel),
          S_(static_cast<std::size_t>(plan_.blocks) * z_.H),
          width_(s_.layout.directions * z_.H) {}

    // What forward keeps: gates and old cells of each part, outputs of each layer; panel by panel, step by step.
    std::size_t saved_size() const {
        return s_.parts() * part_size() + s_.layout.num_layers * panels_.count() * s_.batch.steps * width_ * W_;
    }

protected:
    std::size_t part_size() const {
        const std::size_t gates = output_is_gate_ ? 0 : S_;
        return panels_.count() * s_.batch.steps * (gates + (plan_.cell_state ? z_.H : 0)) * W_;
    }
    T* gates(const Part& part, std::size_t p, std::size_t t) const {
        if (output_is_gate_) return kept_out(part.layer, p, t) + part.direction * z_.H * W_;
        return s_.call.saved + part.number * part_size() + (p * s_.batch.steps + t) * S_ * W_;
    }
    T* old_cell(const Part& part, std::size_t p, std::size_t t) const {
        return gates(part, panels_.count(), 0) + (p * s_.batch.steps + t) * z_.H * W_;
    }
    T* kept_out(std::size_t layer, std::size_t p, std::size_t t) const {
        return s_.call.saved + s_.parts() * part_size() +
               ((layer * panels_.count() + p) * s_.batch.steps + t) * width_ * W_;
    }

    // Pointers to the rows of one step, for each lane of a panel; a lane without a row repeats the first one, so that
    // its numbers are like any other's, or is null.
    template <class U>
    void lanes_of(const Line<U>& line, std::size_t p, U** to, bool repeat) const {
        const std::size_t first = panels_.first(p), n = panels_.rows(p);
        line.fill({first, first + n}, to);
        std::fill(to + n, to + W_, repeat ? to[0] : nullptr);
    }
    void pack(std::size_t p, const T* const* rows, std::size_t n, T* to) const {
        s_.kernels.pack_columns({rows, n, panels_.lanes(p), to, 0, 1, nullptr, W_, 1});
    }
    void pack_state(const T* states, const Part& part, std::size_t p, bool repeat, const T** lanes, T* to) const {
        if (states == nullptr) {
            std::memset(to, 0, z_.H * W_ * sizeof(T));
            return;
        }
        lanes_of<const T>(state_rows(states, part), p, lanes, repeat);
        pack(p, lanes, z_.H, to);
    }
    void unpack(const Line<T>& line, std::size_t p, std::size_t n, const T* from, T** lanes) const {
        lanes_of<T>(line, p, lanes, false);
        s_.kernels.unpack_columns({lanes, panels_.rows(p), n, from});
    }
    template <class U>
    Line<U> state_rows(U* states, const Part& part) const {
        return {states + part.number * s_.batch.rows * z_.H, static_cast<std::ptrdiff_t>(z_.H), nullptr};
    }
    void unpack_state(T* states, const Part& part, std::size_t p, const T* from, T** lanes) const {
        if (states != nullptr) unpack(state_rows(states, part), p, z_.H, from, lanes);
    }
    template <class U>
    static void point(U* base, std::size_t n, std::size_t width, U** to) {
        for (std::size_t k = 0; k < n; ++k) to[k] = base + k * width;
    }
    struct Factor {
        const T* const* a;
        std::size_t k;
        const T* b;
    };
    // c[i] (+)= Σ a[i][k] · b[k] for n rows, from `start[i]` or added to what c holds, or from zero; and the same of a
    // second pair of factors.
    void multiply(std::size_t p, std::size_t n, const Factor& factor, T* const* c, const T* start, bool add,
                  const Factor& second = {}) const {
        s_.kernels.product({n, panels_.lanes(p), factor.k, factor.a, 0, factor.b, W_, c, 0, 0, 1, nullptr, add, false,
                            start, second.k, second.a, second.b});
    }
    std::size_t at(int block) const { return static_cast<std::size_t>(block) * z_.H; }

    const Sequence<T>& s_;
    const Sizes<T>& z_;
    const CellPlan& plan_;
    const Panels<T> panels_;
    const bool output_is_gate_;
    const std::size_t W_, S_, width_;  // of a panel; rows of gates; of both directions' outputs
};

}  // namespace elman
