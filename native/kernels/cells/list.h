// The cells that have kernels, by the names that src/elman/cells/ registers them under. Their equations are in
// docs/equations.md and, once, in src/elman/cells/; the gradients here are with respect to the pre-activations.
//
// A new cell is a file here, its include, and one line in the list.
#pragma once

#include "kernels/cells/gru.h"
#include "kernels/cells/gru_before.h"
#include "kernels/cells/lem.h"
#include "kernels/cells/lstm.h"
#include "kernels/cells/mingru.h"
#include "kernels/cells/minlstm.h"
#include "kernels/cells/rnn.h"
#include "kernels/cells/slstm.h"
#include "kernels/cells/ugrnn.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
constexpr CellKernels<T> cells[] = {
    Rnn<HyperbolicTangent>::kernels<T>("rnn"),
    Rnn<Rectifier>::kernels<T>("rnn-relu"),
    Lstm<false>::kernels<T>("lstm"),
    Lstm<true>::kernels<T>("lstm-peephole"),
    Gru::kernels<T>("gru"),
    GruBefore::kernels<T>("gru-before"),
    Ugrnn::kernels<T>("ugrnn"),
    MinGru::kernels<T>("mingru"),
    MinLstm::kernels<T>("minlstm"),
    Lem::kernels<T>("lem"),
    Slstm::kernels<T>("slstm"),
};

}  // namespace elman::ELMAN_TARGET_NAME
