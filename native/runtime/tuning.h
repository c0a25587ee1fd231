// Facts about processors: sizes, distances and thresholds that were found by measuring, none of which any result's
// correctness depends on. Beside each stands the row of a benchmark that defends it (`python -m benchmarks NAME`, rows
// written B×T×I→H), and what it costs where it does not pay. A fact that no row defends any longer is deleted.
//
// All of it was measured on AMD's Zen 5 (AVX-512, 1 MiB of second cache) unless another is named.
//
// Plain constants only: code of every target includes this header. Those under "Kernels" may differ between targets, and
// only code in kernels/ may use them.
#pragma once

#include <cstddef>

namespace elman::tuning {

// ---- Kernels -------------------------------------------------------------------------------------------------------

// The tile of a matrix product: rows × vectors of sums, `tile_vectors` of the packed matrix and one of the other fill the
// registers, 32 with AVX-512 and 16 otherwise. A packed panel is as wide as the tile.
//   limit, all rows: alone the tile reaches 90 % of the limit; 14×2 was no faster.
//   Cost: a matrix of few columns beyond a multiple of three vectors ends with a thinner tile (RNN 64×128×512→512: 2 %).
#if defined(__AVX512F__)
constexpr int tile_rows = 8, tile_vectors = 3;
#else
constexpr int tile_rows = 4, tile_vectors = 3;
#endif
// Terms of a product, and of a sum of outer products, that are added up by themselves.
//   limit, forward: 128 and 256 were 2 to 4 % slower. Cost: changing it changes results in the last bit.
constexpr std::size_t sum_depth = 512, outer_depth = 512;
// Rows of the left factor that meet a panel before the next one: they stay in the second cache.
//   limit, forward, 64×128×512→512.
constexpr std::size_t row_slab = 128;
// Rows of a panel that a tile fetches ahead.
//   limit, forward: other distances made no difference.
constexpr std::size_t tile_ahead = 16;

// Panels of the tile's width that a single row is multiplied with side by side: with fewer sums each would wait for the
// one before.
//   steps, GRU 64 and 256; three side by side were no faster. With AVX2 six vectors were 10 % slower than three.
constexpr int gemv_panels = 2;
// Vectors of a panel of a large matrix, from `wide_panel_bytes` on, that single rows are multiplied with: it comes faster
// from the caches as one stream than as several.
//   recurrence, 1×100×256→256 (GRU and LSTM 10 %), LSTM 1×1000×1→128 (3 %). Without AVX-512 it did not pay.
#if defined(__AVX512F__)
constexpr int gemv_vectors = 4;
#else
constexpr int gemv_vectors = tile_vectors;
#endif

// Packing: rows and bytes fetched ahead, as more rows are read at a time than a processor follows by itself, and the
// number of values from which on a row's share goes through vectors.
//   recurrence, 400×10×1→20 and 32×4×1→20: packing by vectors, fetched ahead, took a half to a third of the time.
constexpr std::size_t pack_rows_ahead = 16, pack_columns_ahead = 256, pack_vectors_from = 4;

// Sums of outer products. A band of columns is packed first where rows lie further apart than `outer_far` bytes: cache
// lines are then read whole, and once.
//   limit, forward and backward, 64×128×512→512. Cost: a copy of the band, without use where one panel is all there is.
constexpr std::size_t outer_band = 64, outer_far = 2048, outer_ahead = 4;
// Vectors of sums where the right factor has one or two columns; all are in registers.
//   recurrence, 1×1000×1→128 and 400×10×1→20.
#if defined(__AVX512F__)
constexpr int outer_few_vectors = 24;
#else
constexpr int outer_few_vectors = 12;
#endif

// Sums over lanes: a tile's rows and columns, as many as leave the sums in registers; the pairs of panels taken together,
// since every tile reads their columns anew; and how many pairs ahead the columns are fetched.
//   recurrence, 400×10×1→20: ten pairs, with the sums side by side, took 36 % off the pass for long sequences of few units.
#if defined(__AVX512F__)
constexpr int lane_tile_rows = 4, lane_tile_columns = 6;
#else
constexpr int lane_tile_rows = 3, lane_tile_columns = 4;
#endif
constexpr std::size_t lane_pairs = 10, lane_pairs_ahead = 2;

// Vectors of a row, and blocks of layer normalisation, that are summed side by side: each sum alone is a chain.
//   options, the layer-norm rows.
constexpr std::size_t column_vectors = 8, bias_vectors = 4;
constexpr int norm_blocks = 4;

// ---- The time loop -------------------------------------------------------------------------------------------------

// A chunk of steps has so many bytes of gates, for which the input's product is then still in the cache when it is used;
// but at least so many rows, for a matrix product.
//   limit, forward, and recurrence, 64×100×256→256: larger chunks were no faster.
constexpr std::size_t forward_chunk_bytes = std::size_t{1} << 18, forward_chunk_rows = 64;
// The same of the gates' gradients, from which those of weights and inputs follow; rows as many as are summed at a time.
//   limit, forward and backward: 128 to 512 rows made no difference; recurrence, 1×1000×1→128: nor did smaller chunks.
//   It depends on shapes alone, and so does the order of the sums.
constexpr std::size_t backward_chunk_bytes = std::size_t{1} << 19, backward_chunk_rows = 512;
// Rows of a gradient that stay with one thread.
//   recurrence on two threads, 64×100×256→256.
constexpr std::size_t gradient_rows = 16;
// Where a step has no more rows than this, backward fetches the next step's saved activations: few rows are read faster
// than memory brings them.
//   recurrence, 1×100×256→256 and 1×1000×1→128.
constexpr std::size_t fetched_rows = 4;
constexpr std::size_t cache_line = 64;
// Rows of gates this many bytes apart, or a multiple, all fall into the same few sets of the first cache: they are moved
// one cache line further apart.
//   recurrence, 64×128×512→512. Cost: one line a row.
constexpr std::size_t aliasing_bytes = 2048;

// Single rows take panels of `gemv_vectors` from so many bytes of weights on: less comes from the first cache for a good part.
//   recurrence, 1×100×256→256.
constexpr std::size_t wide_panel_bytes = std::size_t{3} << 17;
// Zen 5 reads from 512 KiB up, again and again, at 1.3 times the speed of less, as long as that fits in the second cache.
// A matrix that a single row is multiplied with step after step is therefore packed in so many copies that they reach
// `copies_bytes` together: at most `copies_most`, no more than `copies_most_bytes`, and only where each is read in
// `copies_steps` steps, and the second cache has `copies_cache`.
//   recurrence, LSTM 1×1000×1→128: 11 to 18 %.
//   Cost: on other processors the packing, a thirtieth of the run, for nothing. More copies of less lost on LSTM 64 what
//   they won on RNN 128.
constexpr std::size_t copies_bytes = std::size_t{1} << 19, copies_most = 5, copies_most_bytes = copies_bytes / 8 * 11,
                      copies_steps = 32, copies_cache = 2 * copies_bytes;
// Bytes of a layer's weights from which on a single step's are "large": input's and state's panels are read in turns, so
// that the next step, which goes the other way, finds a part of both in the second cache; and threads may share the step.
//   steps, GRU 256 and 512 (up to 10 % on one thread, half the time on two).
constexpr std::size_t large_step_bytes = std::size_t{3} << 18;

// ---- The batch in SIMD lanes ---------------------------------------------------------------------------------------

// Rows go into the lanes where units have no more vectors than `lanes_few_units` and that computes fewer lanes, or as many
// of `lanes_least_rows` vectors of rows; and below `lanes_most_units` vectors where it computes a fifth less.
//   recurrence, 400×10×1→20 and 32×4×1→20.
constexpr std::size_t lanes_few_units = 2, lanes_most_units = 4, lanes_least_rows = 4;
// Bytes of a panel's gate gradients in a chunk of steps.
//   recurrence, 400×10×1→20.
constexpr std::size_t lanes_chunk_bytes = std::size_t{1} << 18;
// Slots that the gradients of weights are summed in: panels take turns among them, and the slots are added up at the end, so
// that a thread runs back through its panels without waiting for others, and the order of the sums depends on shapes alone.
//   recurrence on two threads, 400×10×1→20: 5 to 18 % less time. Cost: no more than eight threads share in backward.
constexpr std::size_t gradient_slots = 8;

// ---- Threads -------------------------------------------------------------------------------------------------------

// Multiply-adds of a call from which on it is shared: they take about as long as waking a thread, twice.
//   recurrence on two threads, 1×10×1→32 and 32×4×1→20, which stay alone, and 400×10×1→20, which does not.
constexpr double shared_work = 3e6;
// With fewer rows than this, and recurrent weights of so many bytes, threads share the units and meet twice a step.
//   recurrence on two threads, 1×100×256→256. Smaller weights (1×1000×1→128) do not pay for the barriers.
constexpr std::size_t shared_units_rows = 8, shared_units_bytes = std::size_t{1} << 18;
// Microseconds that a thread waits awake for its peers, or for the next call: between two steps a peer is a few late, and
// waking a sleeper takes tens. A peer later than that has probably lost its processor, and ours may be the one that it
// needs: ours is then offered again and again, and only after so many more does the thread sleep.
//   steps on two threads, GRU 256. Without the second, both could sit on one processor for milliseconds.
//   Cost: a processor kept busy for 30 µs after each call.
constexpr int awake_microseconds = 30, yield_microseconds = 300;
// Steps one call each (step_sharing.h): close ones that wake the team, as waking it for fewer does not pay; shared ones
// that are not counted, as they wake threads; the window over which the shared ones' time is compared, since rare delays
// may be long; steps to go alone where sharing did not pay, at first and at most; and shared steps after which that is
// forgotten.
//   steps on two threads, GRU 256. Cost: beside a busy process 40,000 steps took 6 to 32 % longer than on one thread.
constexpr int steps_to_wake = 16, steps_of_grace = 4, sharing_window = 1024, least_rest = 1000, most_rest = 1 << 16,
              steps_of_success = 10000;

// ---- Memory --------------------------------------------------------------------------------------------------------

// Bytes that a thread keeps from call to call, and those it begins with: the system's allocator may give a buffer back and
// fault it in again at every call, which costs more than a small recurrence.
//   recurrence, 32×4×1→20 and 400×10×1→20. Cost: so much memory a thread that has once run a call of that size.
constexpr std::size_t workspace_kept = std::size_t{64} << 20, workspace_least = std::size_t{1} << 16;
// Bytes from which on a buffer asks the system for large pages: 512 times fewer faults.
//   recurrence, 64×128×512→512. Cost: up to a large page of memory that nobody uses.
constexpr std::size_t large_pages_from = std::size_t{4} << 20;

}  // namespace elman::tuning
