// When the batch takes the lanes.
#include "recurrence/batch_in_lanes/batch_in_lanes.h"
#include "recurrence/batch_in_lanes/panel_loop.h"

namespace elman {

template <class T>
bool fits_in_lanes(const Context<T>& ctx) {
    const Layout& layout = ctx.layout;
    const Batch& batch = ctx.batch;
    const bool without_options = ctx.plan.phases == 1 && ctx.plan.extra == 0 && ctx.plan.cell_states <= 1 && layout.heads == 1 && !layout.layer_norm &&
                                 !layout.proj_size && layout.zoneout.empty() && ctx.call.dropout.empty();
    const bool dense = batch.counts == nullptr && batch.order == nullptr && !batch.packed && batch.resets == nullptr;
    if (!without_options || !dense) return false;
    const std::size_t H = ctx.sizes.H, B = batch.rows, lanes = ctx.sizes.lanes, panel = ctx.sizes.panel;
    // saved activations are as wide as the panels, which should not be much wider than the rows
    if (3 * rounded(B, lanes) < 2 * rounded(B, panel)) return false;
    // the lanes that each time loop computes; rows in lanes make better use of the caches as long as units are few
    const std::size_t rows_in_lanes = rounded(B, lanes) * H, units_in_lanes = B * ctx.sizes.Hs;
    if (H > tuning::lanes_few_units * lanes) {
        return H < tuning::lanes_most_units * lanes && 5 * rows_in_lanes <= 4 * units_in_lanes;
    }
    return rows_in_lanes < units_in_lanes || (rows_in_lanes == units_in_lanes && B >= tuning::lanes_least_rows * lanes);
}

template <class T>
std::size_t saved_size_in_lanes(const Context<T>& ctx) {
    return PanelLoop<T>(ctx).saved_size();
}

template bool fits_in_lanes(const Context<float>&);
template bool fits_in_lanes(const Context<double>&);
template std::size_t saved_size_in_lanes(const Context<float>&);
template std::size_t saved_size_in_lanes(const Context<double>&);

}  // namespace elman
