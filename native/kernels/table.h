// The table of kernels that each target fills in. Plain data only, as in arguments.h.
#pragma once

#include <cstddef>

#include "kernels/arguments.h"

namespace elman {

// out[i] = f(x[i]) for i < n. The pointers need the alignment of T alone; out may be x, but may not overlap it
// otherwise.
template <class T>
using Elementwise = void (*)(const T* x, T* out, std::size_t n);

constexpr int max_blocks = 5;
constexpr int max_extra = 3;

// How a cell is put together. Its gates' pre-activations, and what else backward needs, lie in blocks of units.
struct CellPlan {
    const char* name;
    int blocks;
    // x's product fills x_blocks blocks from x_first on, h's product h_blocks from h_first on; x_gates and h_gates name
    // the gate of each of these blocks, in the order of the weights' rows. Without h_blocks the cell has no weights for h;
    // blocks without either product are there for backward.
    int x_first, x_blocks, x_gates[max_blocks];
    int h_first, h_blocks, h_gates[max_blocks];
    // A step has one or two phases: the product for `count` blocks from `first` on, then a pointwise function. The
    // first phase multiplies h, the second what the first wrote to `operand`.
    int phases;
    struct {
        int first, count;
    } phase[2];
    int cell_states;  // besides h
    bool projects;    // h enters through its product alone, so that a projection may come between
    int extra;  // number of further weights (hidden,): peepholes
};

template <class T>
struct CellKernels {
    CellPlan plan;
    void (*forward[2])(const StepForward<T>&);
    void (*backward[2])(const StepBackward<T>&);
    // out[k][j] += Σ_rows: gradients of the further weights, units first … last; null if the plan has none
    void (*extra_sums)(const StepBackward<T>&, T* const* out);
};

template <class T>
struct KernelsOf {
    Elementwise<T> exp;
    Elementwise<T> tanh;
    Elementwise<T> sigmoid;
    std::size_t lanes;
    std::size_t panel;      // columns of a panel
    std::size_t row_panel;  // columns of a panel of a large matrix for single rows
    void (*pack_rows)(const Packing<T>&);
    void (*pack_columns)(const Packing<T>&);
    void (*unpack_columns)(const Unpacking<T>&);
    void (*matmul)(const Matmul<T>&);
    void (*outer_sums)(const OuterSums<T>&);
    void (*lane_sums)(const LaneSums<T>&);
    void (*norm_forward)(const NormForward<T>&);
    void (*norm_backward)(const NormBackward<T>&);
    void (*column_sums)(const ColumnSums<T>&);
    // h = zoneout(h), in place; backward: out = d_out + direct + mask · product less what zoneout keeps, which is left
    // in `direct`
    void (*zoneout)(const StepForward<T>&);
    void (*output_gradient)(const StepBackward<T>&, T* const* out);
    const CellKernels<T>* cells;
    std::size_t cell_count;
};

struct Kernels {
    int vector_bytes;
    KernelsOf<float> f32;
    KernelsOf<double> f64;
    // float32 multiply-adds on independent registers; returns how many were done in `rounds` rounds
    double (*multiply_adds)(std::size_t rounds);
    void (*draw)(const Draw&);
};

}  // namespace elman
