// A call of the core: a stack's layout, a batch, and where its arrays lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace elman {

struct Layout {
    std::string cell;
    std::size_t input_size, hidden_size, num_layers, directions;
    std::size_t proj_size;  // 0: none
    std::size_t heads;      // the units of each read its own units of the state alone
    bool bias, layer_norm;
    std::vector<double> zoneout;  // a rate per state, or empty
    double option;                // the cell's own, if it has one
};

// The steps, and the order of the rows. Rows are sorted internally, the longest first, so that those active at step t
// are the first `counts[t]`.
struct Batch {
    std::size_t steps, rows;
    const std::int64_t* counts;  // per step, never rising; null: all rows are active at all steps
    const std::int64_t* order;   // the caller's row of each sorted row; null: the same
    bool packed;                 // inputs and outputs hold only the active rows, step after step
    // resets[t · reset_time + row · reset_row] != 0 where a segment starts; or null
    const std::uint8_t* resets;
    std::ptrdiff_t reset_time, reset_row;
    int threads;
};

// Rows of a caller's tensor: strides, in elements, of time and row; the last dimension is contiguous.
template <class T>
struct Rows {
    T* data;
    std::ptrdiff_t time, row;
};

// States and their gradients are (layers · directions, rows, size), layer-major, in the caller's order of rows. Weights
// are in the same order, a layer and direction after the other. Null means zeros for what is read, "not wanted" for what is written.
template <class T>
struct ForwardCall {
    Rows<const T> x;
    Rows<T> out;
    std::vector<const T*> states;              // one per state
    std::vector<T*> finals;                    // one per state
    std::vector<const T*> weights;             // Layers::part_arrays() each
    std::vector<const T*> dropout;             // recurrent dropout masks (rows, R), one each, or empty
    std::vector<const std::uint8_t*> zoneout;  // masks (steps, rows, size), one each and state, or empty
    T* saved;                                  // saved_size() elements for backward, or null: inference
};

template <class T>
struct BackwardCall {
    ForwardCall<T> forward;  // as forward was called; finals are not used
    Rows<const T> d_out;
    std::vector<const T*> d_finals;
    Rows<T> d_x;
    std::vector<T*> d_states;
    std::vector<T*> d_weights;
};

}  // namespace elman
