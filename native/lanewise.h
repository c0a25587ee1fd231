// The walk where vectors hold rows of the batch, not units: few units would leave vectors half empty, and where rows
// are many they need not. Panels of rows, as wide as a packed panel, walk all steps one after the other; what belongs
// to one (gates, states) stays in the first cache, and each is already the packed factor of the next product.
//
// The numbers are those of the walk by units, bit for bit, but for the gradients of weights, summed in another order.
#pragma once

#include "sequence.h"

namespace elman {

template <class T>
bool is_lanewise(const Sequence<T>& s);

// Elements that forward keeps for backward.
template <class T>
std::size_t saved_lanewise(const Sequence<T>& s);

template <class T>
void forward_lanewise(const Sequence<T>& s, std::size_t arrays);

template <class T>
void backward_lanewise(const Sequence<T>& s, const BackwardCall<T>& call, std::size_t arrays);

}  // namespace elman
