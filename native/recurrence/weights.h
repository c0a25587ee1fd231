// A part's weights by name, and reordered from gates to the blocks of the cell's plan.
#pragma once

#include <cstring>

#include "recurrence/context.h"

namespace elman {

// P: pointer to const for weights, to non-const for gradients.
template <class P>
struct PartWeights {
    P ih{}, hh{}, b_ih{}, b_hh{}, extra[max_extra]{}, gain_ih{}, gain_hh{}, hr{};

    PartWeights(const P* from, const Layout& layout, const CellPlan& plan) {
        const auto pair = [&](P& of_x, P& of_h) {
            of_x = *from++;
            if (plan.h_blocks) of_h = *from++;
        };
        pair(ih, hh);
        if (layout.bias) pair(b_ih, b_hh);
        for (int k = 0; k < plan.extra; ++k) extra[k] = *from++;
        if (layout.layer_norm) pair(gain_ih, gain_hh);
        if (layout.proj_size) hr = *from++;
    }

    // Those of one head, whose rows of each gate are further down.
    PartWeights of_head(std::size_t head, std::size_t hidden, std::size_t input, std::size_t recurrent) const {
        PartWeights own = *this;
        const auto move = [&](P& array, std::size_t width) {
            if (array != nullptr) array += head * hidden * width;
        };
        move(own.ih, input), move(own.hh, recurrent);
        for (P* array : {&own.b_ih, &own.b_hh, &own.gain_ih, &own.gain_hh}) move(*array, 1);
        for (P& array : own.extra) move(array, 1);
        return own;
    }
};

// `arrays`: Layers::part_arrays().
template <class T>
PartWeights<const T*> weights_of(const Context<T>& ctx, const Part& part, std::size_t arrays) {
    return PartWeights<const T*>(ctx.call.weights.data() + part.weights * arrays, ctx.layout, ctx.plan)
        .of_head(part.head, ctx.sizes.H, part.input, ctx.sizes.R);
}

// From one gate to the next within a weight, in rows.
template <class T>
std::size_t gate_rows(const Context<T>& ctx) {
    return ctx.layout.heads * ctx.sizes.H;
}

// A row of (gates · H) values, reordered to (blocks · H); zeros if `values` is null.
template <class T>
T* in_blocks(const Context<T>& ctx, int blocks, const int* gates, const T* values) {
    const std::size_t H = ctx.sizes.H;
    T* const row = ctx.memory.template take_zeros<T>(static_cast<std::size_t>(blocks) * H);
    for (int k = 0; k < blocks && values != nullptr; ++k) {
        std::memcpy(row + static_cast<std::size_t>(k) * H, values + static_cast<std::size_t>(gates[k]) * gate_rows(ctx),
                    H * sizeof(T));
    }
    return row;
}

// What pre-activations start from: the sum of their biases. Layer normalisation uses the biases as shifts, so zeros
// there.
template <class T>
const T* initial_gates(const Context<T>& ctx, const PartWeights<const T*>& w) {
    const std::size_t H = ctx.sizes.H;
    T* const row = ctx.memory.template take_zeros<T>(ctx.sizes.S);
    const auto add = [&](int first, int blocks, const int* gates, const T* bias) {
        if (bias == nullptr || ctx.layout.layer_norm) return;
        for (int k = 0; k < blocks; ++k) {
            T* const to = row + static_cast<std::size_t>(first + k) * H;
            const T* const from = bias + static_cast<std::size_t>(gates[k]) * gate_rows(ctx);
            for (std::size_t j = 0; j < H; ++j) to[j] += from[j];
        }
    };
    add(ctx.plan.x_first, ctx.plan.x_blocks, ctx.plan.x_gates, w.b_ih);
    add(ctx.plan.h_first, ctx.plan.h_blocks, ctx.plan.h_gates, w.b_hh);
    return row;
}

// Pointers to the rows of a matrix.
template <class U, class T>
U** row_pointers(const Context<T>& ctx, U* values, std::size_t n, std::size_t width) {
    U** const rows = ctx.memory.template take<U*>(n);
    for (std::size_t k = 0; k < n; ++k) rows[k] = values + k * width;
    return rows;
}

// Pointers to the rows of a weight, or of its gradient, in the order of the blocks.
template <class U, class T>
U** rows_in_blocks(const Context<T>& ctx, int blocks, const int* gates, U* weight, std::size_t width) {
    if (weight == nullptr) return nullptr;
    const std::size_t H = ctx.sizes.H, n = static_cast<std::size_t>(blocks) * H;
    U** const rows = ctx.memory.template take<U*>(n);
    for (std::size_t k = 0; k < n; ++k) {
        const std::size_t unit = k % H, gate = static_cast<std::size_t>(gates[k / H]);
        rows[k] = weight + (gate * gate_rows(ctx) + unit) * width;
    }
    return rows;
}

}  // namespace elman
