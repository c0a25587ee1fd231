// A stack of recurrent layers run on a batch of sequences by the kernels of one target: the public interface of the
// core.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "kernels/table.h"
#include "recurrence/call.h"

namespace elman {

template <class T>
struct Prepared;

template <class T>
class Layers {
public:
    // Raises std::invalid_argument if the cell has no kernel.
    Layers(Layout layout, const KernelsOf<T>& kernels);

    const Layout& layout() const { return layout_; }
    const CellPlan& plan() const { return cell_->plan; }
    // Number of arrays of one direction of one layer: weight_ih weight_hh [bias_ih bias_hh] [further weights] [gain_ih gain_hh]
    // [weight_hr]; those of h only if the cell has weights for it.
    std::size_t part_arrays() const;
    std::size_t parts() const { return layout_.num_layers * layout_.directions; }
    std::size_t states() const { return 1 + static_cast<std::size_t>(cell_->plan.cell_states); }
    // Elements to save for backward; `zoneout`: whether the call has zoneout masks.
    std::size_t saved_size(const Batch& batch, bool zoneout) const;

    // `prepared`, if given, is used instead of the call's weights.
    void forward(const Batch& batch, const ForwardCall<T>& call, const Prepared<T>* prepared = nullptr) const;
    void backward(const Batch& batch, const BackwardCall<T>& call) const;

    // Packs weights once for many calls of forward; they are copied. `eight_bit`: their matrices rounded to eight bits.
    std::shared_ptr<const Prepared<T>> prepare(const std::vector<const T*>& weights, bool eight_bit) const;

private:
    Layout layout_;
    const KernelsOf<T>& kernels_;
    const CellKernels<T>* cell_;
};

}  // namespace elman
