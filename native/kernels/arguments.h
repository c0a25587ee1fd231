// The arguments of the kernels: matrices, and the pointwise part of a step.
//
// Plain data only. This header and table.h are seen by translation units compiled for different instruction sets, so
// they may hold nothing that generates code (see README.md).
//
// Matrices are given as arrays of pointers to their rows: a row may lie in the caller's tensor, whatever its strides,
// or in an internal buffer, and may be shared (one row of zeros stands for all zero rows). Blocks of units lie side by
// side without padding, so the last vector of a block may be partial.
#pragma once

#include <cstddef>
#include <cstdint>

namespace elman {

// The right factor of a matmul is packed: into panels of `width` columns, each holding its k rows one after the other.
template <class T>
struct Packing {
    const T* const* rows;  // (k, n), or (n, k) for pack_columns; null: a row of zeros
    std::size_t k, n;
    T* packed;
    std::size_t first, last;  // the panels to pack
    const T* const* scale;    // elementwise factors, in rows as above, or null (pack_rows only)
    std::size_t width;        // whole vectors
    std::size_t copies;       // one behind the other; the kernels write the first
    // In place of `packed`, in the same order: element (k, j) is codes · units[j]. For single steps alone.
    const std::int8_t* codes = nullptr;
    const T* units = nullptr;
};

// c[i][column + j] = start[j] + Σ a[i][a_column + k] · b[k][j], or += with `add`, for j < n in panels first … last.
template <class T>
struct Matmul {
    std::size_t m, n, k;
    const T* const* a;
    std::size_t a_column;
    const T* b;         // packed
    std::size_t width;  // of its panels
    T* const* c;
    std::size_t column;
    std::size_t first, last;
    const T* start;  // null: zeros. Not used with `add`
    bool add;
    // From the last panel to the first: what was read last is still in the cache. Results are the same.
    bool descending;
    const T* row_start = nullptr;  // c[i][…] starts from row_start[i] instead; single panels only
    // A second product of the same shape except for k, added to the first; single panels only.
    std::size_t second_k = 0;
    const T* const* second_a = nullptr;
    const T* second_b = nullptr;
    // In place of `b`: see Packing.
    const std::int8_t* codes = nullptr;
    const T* units = nullptr;
};

// rows[j][k] = packed[k][j] for j < n and k < count: the transpose of one panel.
template <class T>
struct Unpacking {
    T* const* rows;
    std::size_t n, count;
    const T* packed;
};

// c[i][j] += Σ over pairs q of panels, and their first `lanes` lanes, of a[q][first + i][lane] · b[q][j][lane], and
// sums[i] += Σ a[q][first + i][lane]. Either may be null.
template <class T>
struct LaneSums {
    std::size_t pairs, lanes;
    const T* const* a;
    std::size_t first, m;
    const T* const* b;
    std::size_t n;
    T* const* c;
    T* const* sums;
};

// c[i][j] = Σ_r a[r · a_stride + i] · b[r][j], or += with `add`, for i < m, j < n: a weight gradient. `sums[i]` takes
// += Σ_r a[r · a_stride + i]. Either may be null.
template <class T>
struct OuterSums {
    std::size_t rows, m, n;
    const T* a;
    std::size_t a_stride;
    const T* b;  // packed: k = rows
    T* const* c;
    T* const* sums;
    bool add;
};

// Zoneout of a state: the old value is kept where the mask says so, or mixed in with weight `rate` if there is no mask.
template <class T>
struct Zoneout {
    bool on;
    T rate;
    const std::uint8_t* const* mask;  // a row of `hidden` bytes for each row, or null
};

constexpr int max_cell_states = 3;

// The pointwise part of one step: units first … last of `rows` rows. `gates` holds the pre-activations, laid out by the
// cell's plan; the activations go to `saved` in training. Not in place: a partial vector just stored would stall the
// loads that follow it.
template <class T>
struct StepForward {
    std::size_t rows, hidden, first, last;
    std::size_t block;   // from one block to the next within a row
    std::size_t stride;  // from one row of c to the next: whole vectors
    std::size_t plane;   // from one cell state to the next
    const T* const* gates;
    T* const* saved;  // or null
    const T* const* h_prev;
    T* const* h;
    T* c;              // (cell states, rows, stride): old in, new out
    T* const* c_prev;  // takes the old ones, a block each, in training
    const T* const* extra;
    T* const* operand;     // the left factor of the second phase's product
    const T* const* mask;  // recurrent dropout, or null
    Zoneout<T> zoneout_h, zoneout_c[max_cell_states];
    T option;  // the cell's own constant
};

// The same, backward: `d_gates` takes the gradients of the pre-activations.
template <class T>
struct StepBackward {
    std::size_t rows, hidden, first, last;
    std::size_t block;
    std::size_t stride;  // of direct, product, d_c and d_operand: whole vectors
    std::size_t plane;   // from one cell state's d_c to the next
    const T* const* gates;
    T* const* d_gates;
    const T* const* h_prev;
    const T* const* c_prev;
    const T* const* d_out;  // the gradient of h from outside, or null
    T* direct;              // (rows, stride): what reaches the previous h without a product; in and out. Or null
    const T* product;       // (rows, stride): what reaches it through products, before `mask`. Or null
    const T* const* mask;
    T* d_c;  // (cell states, rows, stride), in and out
    const T* const* extra;
    T* const* operand;   // takes the left factor of the second phase's product
    const T* d_operand;  // (rows, stride): its gradient
    Zoneout<T> zoneout_h, zoneout_c[max_cell_states];
    T option;
    const T* const* h = nullptr;  // o · tanh(c) from forward, or null to recompute it
};

// Layer normalisation of `blocks` blocks of units, each by itself.
template <class T>
struct NormForward {
    std::size_t rows, blocks, hidden;
    T* const* values;  // (rows, blocks · hidden) from `value_column`: the product; becomes the normalised product
    std::size_t value_column;
    T* const* inverse;  // (rows, blocks): 1 / standard deviation, from `inverse_column`
    std::size_t inverse_column;
    const T* gain;
    const T* shift;  // both (blocks · hidden)
    T* const* gates;
    std::size_t column;
    bool add;
};
template <class T>
struct NormBackward {
    std::size_t rows, blocks, hidden;
    const T* const* values;
    const T* const* inverse;
    std::size_t value_column, inverse_column;
    const T* gain;
    const T* const* d_gates;
    std::size_t column;
    T* const* d_values;  // like values
};

// sums[j] += Σ_r a[r][a_column + j] and products[j] += Σ_r a[r][a_column + j] · b[r][b_column + j] for j < n. Either
// may be null.
template <class T>
struct ColumnSums {
    std::size_t rows, n;
    const T* const* a;
    std::size_t a_column;
    const T* const* b;
    std::size_t b_column;
    T *sums, *products;
};

// out[i] = 1 with probability limit / 2^bits, else 0: whether the i-th piece of `bits` (16 or 32) random bits from
// `seed` is below `limit`.
struct Draw {
    std::uint64_t seed, limit;
    int bits;
    std::size_t count;
    std::uint8_t* out;
};

}  // namespace elman
