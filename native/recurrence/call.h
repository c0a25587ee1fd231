// What a call of the core is given: a stack's layout, a batch, and where its arrays lie.
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

// In what follows a part is one direction of one layer, layer-major; states and their gradients are (parts, rows, size)
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

}  // namespace elman
