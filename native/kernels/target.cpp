// The only translation unit compiled for every instruction set, each time with another ELMAN_TARGET_NAME and other
// flags (CMakeLists.txt). It gathers the kernels into the table that runtime/dispatch.cpp chooses from.
#include "kernels/activations.h"
#include "kernels/cells/list.h"
#include "kernels/column_sums.h"
#include "kernels/fma_peak.h"
#include "kernels/lane_sums.h"
#include "kernels/layer_norm.h"
#include "kernels/matmul.h"
#include "kernels/outer_sums.h"
#include "kernels/packing.h"
#include "kernels/random.h"
#include "kernels/table.h"

namespace elman::ELMAN_TARGET_NAME {

template <class T>
constexpr KernelsOf<T> kernels_of = {
    .exp = elementwise<Exp, T>,
    .tanh = elementwise<Tanh, T>,
    .sigmoid = elementwise<Sigmoid, T>,
    .lanes = lanes<T>,
    .panel = panel_width<T>,
    .row_panel = tuning::gemv_vectors * lanes<T>,
    .pack_rows = pack_rows<T>,
    .pack_columns = pack_columns<T>,
    .unpack_columns = unpack_columns<T>,
    .matmul = matmul<T>,
    .outer_sums = outer_sums<T>,
    .lane_sums = lane_sums<T>,
    .norm_forward = norm_forward<T>,
    .norm_backward = norm_backward<T>,
    .column_sums = column_sums<T>,
    .zoneout = zoneout<T>,
    .output_gradient = output_gradient<T>,
    .cells = cells<T>,
    .cell_count = sizeof(cells<T>) / sizeof(cells<T>[0]),
};

extern const Kernels kernels;
const Kernels kernels = {.vector_bytes = vector_bytes,
                         .f32 = kernels_of<float>,
                         .f64 = kernels_of<double>,
                         .multiply_adds = multiply_adds,
                         .draw = draw};

}  // namespace elman::ELMAN_TARGET_NAME
