// What the kernels take: matrices, and the pointwise part of a step.
//
// Plain data only. This header and table.h are seen by translation units compiled for different instruction sets, so they
// may hold nothing that generates code (see README.md).
//
// Matrices are reached through arrays of pointers to their rows: a row may then lie in the caller's tensor, whatever its
// strides, in a buffer of ours, or be shared (one row of zeros stands for all that are zero). Blocks of units lie side by
// side, without padding: the last vector of a block is a partial one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace elman {

// A matrix to multiply with is packed: in panels of `width` columns, each holding its k rows one after the other.
template <class T>
struct Packing {
    const T* const* rows;  // (k, n), or (n, k) for pack_columns; null for a row of zeros
    std::size_t k, n;
    T* packed;
    std::size_t first, last;  // the panels to pack
    const T* const* scale;    // a factor for every element, in rows as above, or null (pack_rows only)
    std::size_t width;        // whole vectors
    std::size_t copies;       // one behind the other; the functions make the first
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
    // From the last panel to the first: what was read last is still in the cache. No result differs.
    bool descending;
    const T* row_start = nullptr;  // c[i][…] begins with row_start[i] instead; for a product that reaches one panel
    // A second product of the same shape but k, added to the first; for one panel too.
    std::size_t second_k = 0;
    const T* const* second_a = nullptr;
    const T* second_b = nullptr;
};

// rows[j][k] = packed[k][j] for j < n and k < count: one panel, taken apart again.
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

// c[i][j] = Σ_r a[r · a_stride + i] · b[r][j], or += with `add`, for i < m, j < n: the gradient of weights. `sums[i]`
// takes += Σ_r a[r · a_stride + i] as well. Either may be null.
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

// Zoneout of a state: the new value is the old one where the mask says so, or with `rate` as weight where there is none.
template <class T>
struct Zoneout {
    bool on;
    T rate;
    const std::uint8_t* const* mask;  // a row of `hidden` bytes for each row, or null
};

// The pointwise part of one step: units first … last of `rows` rows. `gates` holds the products as the cell's plan lays
// them out; their activations go to `saved`, if backward is to follow. Not in place: a partial vector stored
// just before would hold up the loads that follow it.
template <class T>
struct StepForward {
    std::size_t rows, hidden, first, last;
    std::size_t block;   // from block to block within a row
    std::size_t stride;  // from row to row of c: whole vectors
    const T* const* gates;
    T* const* saved;  // or null
    const T* const* h_prev;
    T* const* h;
    T* c;              // (rows, stride): old in, new out
    T* const* c_prev;  // where the old one is kept
    const T* const* extra;
    T* const* operand;     // what the second product is taken of
    const T* const* mask;  // recurrent dropout, or null
    Zoneout<T> zoneout_h, zoneout_c;
};

// The same backwards: `d_gates` takes the derivatives by what went into the activations.
template <class T>
struct StepBackward {
    std::size_t rows, hidden, first, last;
    std::size_t block;
    std::size_t stride;  // of direct, product, d_c and d_operand: whole vectors
    const T* const* gates;
    T* const* d_gates;
    const T* const* h_prev;
    const T* const* c_prev;
    const T* const* d_out;  // the derivative by h from outside, or null
    T* direct;              // (rows, stride): what reaches the previous h past the products; in and out. Or null
    const T* product;       // (rows, stride): what reaches it through the products, before `mask`. Or null
    const T* const* mask;
    T* d_c;  // (rows, stride), in and out
    const T* const* extra;
    T* const* operand;   // takes what the second product was taken of
    const T* d_operand;  // (rows, stride): the derivative by it
    Zoneout<T> zoneout_h, zoneout_c;
    const T* const* h = nullptr;  // o · tanh(c) as forward had it; null where that was not kept, and is computed anew
};

// Layer normalisation of `blocks` blocks of units, one by one.
template <class T>
struct NormForward {
    std::size_t rows, blocks, hidden;
    T* const* values;  // (rows, blocks · hidden) from `value_column`: the product, then the product normalised
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

// sums[j] += Σ_r a[r][a_column + j] and products[j] += Σ_r a[r][a_column + j] · b[r][b_column + j] for j < n. Either may
// be null.
template <class T>
struct ColumnSums {
    std::size_t rows, n;
    const T* const* a;
    std::size_t a_column;
    const T* const* b;
    std::size_t b_column;
    T *sums, *products;
};

// out[i] = 1 with probability limit / 2^bits, else 0: the i-th piece of `bits`, 16 or 32, of the bits that follow from
// `seed` is below `limit`.
struct Draw {
    std::uint64_t seed, limit;
    int bits;
    std::size_t count;
    std::uint8_t* out;
};

}  // namespace elman
