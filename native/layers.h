// A stack of recurrent layers along a batch of sequences, out of the kernels of one target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels.h"

namespace elman {

struct Layout {
    std::string cell;
    std::size_t input_size, hidden_size, num_layers, directions;
    std::size_t proj_size;  // 0: none
    bool bias, layer_norm;
    std::vector<double> zoneout;  // a rate for each state, or none
};

// Which steps there are, and in which order the rows lie. Rows are sorted inside, the longest first, so that those that
// are active at a step are the first `counts[t]`.
struct Batch {
    std::size_t steps, rows;
    const std::int64_t* counts;  // per step, never rising, or null: all rows are active at all steps
    const std::int64_t* order;   // the caller's row of each sorted row, or null: the same
    bool packed;                 // inputs and outputs hold the active rows alone, step after step
    // resets[t · reset_time + row · reset_row] != 0 where a segment starts; or null
    const std::uint8_t* resets;
    std::ptrdiff_t reset_time, reset_row;
    int threads;
};

// Rows of a caller's tensor: element strides from step to step and from row to row; the last dimension is contiguous.
template <class T>
struct Rows {
    T* data;
    std::ptrdiff_t time, row;
};

// In what follows a part is one direction of one layer, layer-major; states and their derivatives are (parts, rows, size)
// in the caller's order of rows; null stands for zeros where something is read, for "not wanted" where it is written.
template <class T>
struct ForwardCall {
    Rows<const T> x;
    Rows<T> out;
    std::vector<const T*> states;              // one a state
    std::vector<T*> finals;                    // one a state
    std::vector<const T*> weights;             // of each part: Layers::part_arrays() pointers
    std::vector<const T*> dropout;             // recurrent dropout masks (rows, R), one a part, or empty
    std::vector<const std::uint8_t*> zoneout;  // masks (steps, rows, size), one a part and state, or empty
    T* saved;                                  // saved_size() elements for backward, or null: inference
};

template <class T>
struct BackwardCall {
    ForwardCall<T> forward;  // as it was; finals are not used
    Rows<const T> d_out;
    std::vector<const T*> d_finals;
    Rows<T> d_x;
    std::vector<T*> d_states;
    std::vector<T*> d_weights;
};

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
    // Elements to keep for backward; `zoneout`: the call has masks for it.
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
