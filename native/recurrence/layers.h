// A stack of recurrent layers along a batch of sequences, out of the kernels of one target: the public face of the core.
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
    // Arrays of a part: weight_ih weight_hh [bias_ih bias_hh] [further weights] [gain_ih gain_hh] [weight_hr].
    std::size_t part_arrays() const;
    std::size_t parts() const { return layout_.num_layers * layout_.directions; }
    std::size_t states() const { return cell_->plan.cell_state ? 2 : 1; }
    // Elements to save for backward; `zoneout`: the call has masks for it.
    std::size_t saved_size(const Batch& batch, bool zoneout) const;

    // `prepared`, if given, stands for the call's weights.
    void forward(const Batch& batch, const ForwardCall<T>& call, const Prepared<T>* prepared = nullptr) const;
    void backward(const Batch& batch, const BackwardCall<T>& call) const;

    // Weights packed once for many calls of forward; they may be gone after.
    std::shared_ptr<const Prepared<T>> prepare(const std::vector<const T*>& weights) const;

private:
    Layout layout_;
    const KernelsOf<T>& kernels_;
    const CellKernels<T>* cell_;
};

}  // namespace elman
