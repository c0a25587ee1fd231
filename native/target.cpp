// The one translation unit that is compiled for every instruction set, each time with another ELMAN_TARGET_NAME and
// other flags (CMakeLists.txt). It gathers the kernels into the table that dispatch.cpp chooses from.
#include "activations.h"
#include "kernels.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
constexpr KernelsOf<T> kernels_of = {
    .exp = elementwise<Exp, T>,
    .tanh = elementwise<Tanh, T>,
    .sigmoid = elementwise<Sigmoid, T>,
};

extern const Kernels kernels;
const Kernels kernels = {.vector_bytes = vector_bytes, .f32 = kernels_of<float>, .f64 = kernels_of<double>};

}  // namespace elman::ELMAN_TARGET_NAME
