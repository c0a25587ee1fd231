// The rows of a batch, divided into panels of whole vectors.
#pragma once

#include "recurrence/context.h"

namespace elman {

template <class T>
class Panels {
public:
    explicit Panels(const Context<T>& ctx) : rows_(ctx.batch.rows), count_(ctx.sizes.panels(rows_)) {
        first_ = ctx.memory.template take<std::size_t>(count_ + 1);  // read too often for a division each time
        const std::size_t lanes = ctx.sizes.lanes, vectors = (rows_ + lanes - 1) / lanes;
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

}  // namespace elman
