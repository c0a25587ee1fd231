// Facts about processors: sizes, distances and thresholds found by measuring. No result's correctness depends on them.
//
// Each names the benchmark row that defends it (`python -m benchmarks NAME`, rows written B×T×I→H), what was measured,
// and what it costs where it does not pay. What no row defends any longer is deleted. Measured on AMD's Zen 5 (AVX-512,
// 1 MiB of L2 a core) unless said otherwise.
//
// Plain constants only, because code of every target includes this header. Those under "Kernels" may differ between
// targets: only kernels/ may use them.
#pragma once

#include <cstddef>

namespace elman::tuning {

// Bytes of a cache line on x86-64 and most ARM processors.
constexpr std::size_t cache_line = 64;

// ---- Kernels -------------------------------------------------------------------------------------------------------

// A matmul's tile of sums: rows × vectors. With `tile_vectors` of the packed matrix and one of the other factor it
// fills the registers: 32 with AVX-512, else 16. Packed panels are as wide as a tile.
//   limit, forward: alone the tile reaches 90 % of the limit; 14×2 was no faster.
//   Cost: if the columns are no multiple of three vectors, the last panel's tiles are thinner, as at H = 512.
#if defined(__AVX512F__)
constexpr int tile_rows = 8, tile_vectors = 3;
#else
constexpr int tile_rows = 4, tile_vectors = 3;
#endif
// Terms of a matmul, and rows of a sum of outer products, that are summed at a time, so that the packed factor stays in
// the cache.
//   limit: 128 and 256 were 2 to 4 % slower for matmuls. Cost: another value changes the last bits of results.
constexpr std::size_t sum_depth = 512, outer_depth = 512;
// Rows of the left factor that one panel is multiplied with before the next, so that they stay in L2.
//   limit, forward and backward: without it and without large pages 10 % slower (an Intel Xeon with AVX-512).
constexpr std::size_t row_slab = 128;
// Rows of the panel that a tile prefetches ahead.
//   limit, forward and backward: without it, `outer_ahead` and `lane_pairs_ahead` 3 % slower (an Intel Xeon with
//   AVX-512); other distances made no difference.
constexpr std::size_t tile_ahead = 16;

// Panels that a single row is multiplied with side by side; fewer sums would wait for each other.
//   steps, GRU 64 and 256: three side by side were no faster.
constexpr int gemv_panels = 2;
// Vectors of a panel of large matrices for single rows, from `wide_panel_bytes` on: one stream comes faster from the
// caches than several.
//   recurrence, 1×100×256→256: GRU and LSTM 10 %, together with weight gradients that are set rather than added to.
//   With AVX2, panels of six vectors were 10 % slower than those of three.
#if defined(__AVX512F__)
constexpr int gemv_vectors = 4;
#else
constexpr int gemv_vectors = tile_vectors;
#endif

// Packing: rows and bytes prefetched ahead, because more rows are read at a time than the hardware prefetcher follows;
// and the length from which on a piece of a row goes through vectors.
//   recurrence, 32×4×1→20 and 400×10×1→20, where weights and inputs are packed at every call: packing by vectors and
//   with prefetches took a half to a third of the time.
constexpr std::size_t pack_rows_ahead = 16, pack_columns_ahead = 256, pack_vectors_from = 4;

// Sums of outer products: a band of columns is packed first if rows lie further apart than `outer_far` bytes,
// prefetching so many rows ahead.
//   limit, forward and backward. Cost: a copy of the band, which does not pay if it is used for a single panel.
constexpr std::size_t outer_band = 64, outer_far = 2048, outer_ahead = 4;
// Vectors of sums for a right factor of one or two columns: all in registers.
//   recurrence, 1×1000×1→128 and 400×10×1→20.
#if defined(__AVX512F__)
constexpr int outer_few_vectors = 24;
#else
constexpr int outer_few_vectors = 12;
#endif

// Sums over lanes: rows and columns of a tile, whose sums fill the registers; pairs of panels that are taken together,
// because every tile reads them again; and pairs that are prefetched ahead.
//   recurrence, 400×10×1→20. Ten pairs, with the sums of a row side by side: long sequences of few units took 36 %
//   less.
#if defined(__AVX512F__)
constexpr int lane_tile_rows = 4, lane_tile_columns = 6;
#else
constexpr int lane_tile_rows = 3, lane_tile_columns = 4;
#endif
constexpr std::size_t lane_pairs = 10, lane_pairs_ahead = 2;

// Vectors of a row that are summed side by side over columns, for layer normalisation and for biases; and blocks that
// are normalised together. Each sum alone is a dependency chain.
//   options, layer norm (GRU, RNN, LSTM).
constexpr std::size_t column_vectors = 8, bias_vectors = 4;
constexpr int norm_blocks = 4;

// ---- The time loop -------------------------------------------------------------------------------------------------

// Bytes of gates in a chunk of forward, so that the input's product is still in the cache when it is used; but at least
// so many rows, for a matmul.
//   limit, forward, and recurrence, 64×100×256→256: larger chunks were no faster.
constexpr std::size_t forward_chunk_bytes = std::size_t{1} << 18, forward_chunk_rows = 64;
// The same for backward: gate gradients stay in L2 for the gradients of weights and inputs, which are summed over at
// least `outer_depth` rows at a time. Depends on shapes alone, and so does the order of the sums.
//   limit, forward and backward: 128 to 512 rows made no difference; nor did smaller chunks for 1×1000×1→128.
constexpr std::size_t backward_chunk_bytes = std::size_t{1} << 19, backward_chunk_rows = 512;
// Threads divide the rows of a weight's gradient in multiples of this: whole tiles.
//   recurrence on two threads, 64×100×256→256.
constexpr std::size_t gradient_rows = 16;
// Backward prefetches the next step's saved activations if a step has at most so many rows: they are read faster than
// memory delivers them. (Rows out of order are always prefetched.)
//   recurrence, 1×100×256→256 and 1×1000×1→128; ragged on two threads: 1.08 to 1.20 → .99 of the active steps' time.
constexpr std::size_t prefetched_rows = 4;
// Rows a multiple of so many bytes apart would fall into the same few sets of L1: their stride is one cache line more.
//   recurrence and limit, 64×128×512→512. Cost: a cache line of memory a row.
constexpr std::size_t aliasing_bytes = 2048;

// Bytes of a matrix from which on single rows take panels of `gemv_vectors`. Smaller ones come from L1 for a good part.
//   recurrence, 1×100×256→256.
constexpr std::size_t wide_panel_bytes = std::size_t{3} << 17;
// Zen 5 reads 512 KiB and more repeatedly at 1.3 times the speed of less, as long as that fits into L2. Matrices for
// single rows are therefore packed in several copies, which steps take in turn: as many as reach `copies_bytes`, at
// most `copies_most` and `copies_most_bytes`, if each serves `copies_steps` steps and L2 has `copies_cache`.
//   recurrence, LSTM 1×1000×1→128: 11 to 18 %.
//   Cost: on processors without this property, packing and L2 space. More copies of smaller matrices gained 12 % for an
//   RNN of 128 units, and cost an LSTM of 64 as much.
constexpr std::size_t copies_bytes = std::size_t{1} << 19, copies_most = 5, copies_most_bytes = copies_bytes / 8 * 11,
                      copies_steps = 32, copies_cache = 2 * copies_bytes;
// Bytes of a layer's weights from which on a single step is large: the panels of input and state are interleaved, so
// that the next step, which goes the other way, finds some of both in L2; and threads may share the step.
//   steps, GRU 256: interleaving up to 10 %; two threads 8.5 µs instead of 16 to 18.
constexpr std::size_t large_step_bytes = std::size_t{3} << 18;

// ---- The batch in SIMD lanes ---------------------------------------------------------------------------------------

// The batch takes the lanes if that computes fewer lanes, or as many with at least `lanes_least_rows` vectors of rows,
// up to `lanes_few_units` vectors of units; up to `lanes_most_units` if it computes a fifth fewer.
//   recurrence, 400×10×1→20: 1.8, .70 and 2.2 ms became .93, .41 and 1.2 (GRU, RNN, LSTM).
constexpr std::size_t lanes_few_units = 2, lanes_most_units = 4, lanes_least_rows = 4;
// Bytes of a panel's gate gradients in a chunk of backward.
//   recurrence, 400×10×1→20.
constexpr std::size_t lanes_chunk_bytes = std::size_t{1} << 18;
// Slots in which weight gradients are summed. Panels are dealt out to them, and they are added up at the end: threads
// do not wait for each other, and the order of the sums depends on shapes alone.
//   recurrence on two threads, 400×10×1→20: 5 to 18 % less time. Cost: at most eight threads share in backward.
constexpr std::size_t gradient_slots = 8;

// ---- Threads -------------------------------------------------------------------------------------------------------

// Multiply-adds of a call from which on threads share it: about twice as long as waking a thread.
//   recurrence on two threads: no row slower than torch; 1×10×1→32 and 32×4×1→20 stay on one.
constexpr double shared_work = 3e6;
// Threads divide units instead of rows if there are fewer rows than this, and so many bytes of recurrent weights.
//   recurrence on two threads, 1×100×256→256. Smaller weights, as of 1×1000×1→128, do not pay for two barriers a step.
constexpr std::size_t shared_units_rows = 8, shared_units_bytes = std::size_t{1} << 18;
// Microseconds that a thread spins, for its peers or for the next call, and then yields its processor before it sleeps.
// Peers are late by a few, waking takes tens. A peer later than that has probably lost its processor; perhaps it needs
// this one for a moment, to leave it.
//   steps on two threads, GRU 256. Without yielding, both threads could share a processor for milliseconds.
//   Cost: a busy processor for 30 µs after each call.
constexpr int awake_microseconds = 30, yield_microseconds = 300;
// Sharing single steps (step_sharing.h): close steps before threads are woken; shared steps that are not counted, as
// they wake threads; the window over which their time is averaged, since rare delays may be long: so many steps alone
// as take `long_delay_milliseconds`, within limits; unshared steps after a failure, at first and at most; and shared
// steps after which failures are forgotten. A step that alone takes longer than `worth_waking_microseconds` need not be
// close to the one before. After a shared step the threads wait for the next one for `linger_microseconds`, yielding
// their processors.
//   steps on two threads, GRU 256; language, characters written a second.
//   Cost: beside a busy process 40,000 steps took 6 to 32 % longer than on one thread.
constexpr int steps_to_wake = 16, steps_of_grace = 4, least_rest = 1000, most_rest = 1 << 16, steps_of_success = 10000,
              worth_waking_microseconds = 60, linger_microseconds = 500, long_delay_milliseconds = 40,
              least_sharing_window = 64, most_sharing_window = 1024;

// ---- Memory --------------------------------------------------------------------------------------------------------

// Bytes of workspace that a thread keeps between calls, at most and at least.
//   recurrence, 32×4×1→20 and 400×10×1→20. Cost: that memory, for each thread that has made a call.
constexpr std::size_t workspace_kept = std::size_t{64} << 20, workspace_least = std::size_t{1} << 16;
// Bytes of a buffer from which on it asks for large pages.
//   recurrence, 64×128×512→512. Cost: up to a large page of unused memory.
constexpr std::size_t large_pages_from = std::size_t{4} << 20;

}  // namespace elman::tuning
