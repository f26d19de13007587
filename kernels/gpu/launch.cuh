// What every kernel of this room is made of: numbers, arrays, the clock and the threads.
//
// `real` is the precision of the simulation. A kernel is compiled for a card, or, with HOST_SHIM, for the host,
// where `shim.h` runs its threads one after the other.
#pragma once

typedef signed char int8;
typedef unsigned char uint8;
typedef short int16;
typedef unsigned short uint16;
typedef int int32;
typedef unsigned int uint32;
typedef long long int64;
typedef unsigned long long uint64;
typedef REAL real;

#ifdef HOST_SHIM
#include "shim.h"
#else
#define DEVICE static __device__ __forceinline__
#define MEMBER __device__ __forceinline__
#define TABLE static __device__ const
#define ENTRY(name, most_threads) extern "C" __global__ void __launch_bounds__(most_threads) run_##name
#endif

// A kernel is what the threads of a launch do for one job. `source.py` writes an entry for each, which does
// many jobs at once, chosen by blockIdx.z, and does nothing in steps in which the clock rests. How many threads it is
// launched with is declared here and nowhere else: `signatures.py` reads the word before KERNEL, `binding.py` has the
// numbers.
#define KERNEL(name) DEVICE void name          // a thread for each entry of its first Array
#define ARRIVAL_KERNEL(name) DEVICE void name  // block rows take arriving spikes, of lag blockIdx.y
#define SPIKE_KERNEL(name) DEVICE void name    // block rows take firing units
#define FEW_KERNEL(name) DEVICE void name      // as KERNEL, but not more blocks than a card runs at once
#define ONE_KERNEL(name) DEVICE void name      // one thread
#define BLOCK_KERNEL(name) DEVICE void name    // one block, whose threads meet at __syncthreads
#define FLAG_KERNEL(name) DEVICE void name     // the same, of no more threads than its first Array has entries
#define CLOCK_KERNEL(name) DEVICE void name    // one thread, in steps in which the clock rests too

// An array (size,).
template <typename T>
struct Array {
    T* data;
    int64 size;
    MEMBER T& operator[](int64 i) const { return data[i]; }
};

// An array (size,) to which kernels only add, atomically, or into which all write the same: several of them may run at
// the same time.
template <typename T>
struct Adds {
    T* data;
    int64 size;
    MEMBER T& operator[](int64 i) const { return data[i]; }
};

// An array (rows, columns).
template <typename T>
struct Grid {
    T* data;
    int64 rows, columns;
    MEMBER T* operator[](int64 row) const { return data + row * columns; }
};

// An array (rows, columns) that goes round: kernels of a step may write this step's row while others read the rows of
// earlier ones.
template <typename T>
struct Ring {
    T* data;
    int64 rows, columns;
    MEMBER T* operator[](int64 row) const { return data + row * columns; }
};

// A buffer of a probe (rows, columns), of which only the filled rows go back to the host.
template <typename T>
struct Rows {
    T* data;
    int64 rows, columns;
    MEMBER T* operator[](int64 row) const { return data + row * columns; }
};

// Room (size,) in which a kernel leaves something for another one of the same step, and nothing for the host.
template <typename T>
struct Scratch {
    T* data;
    int64 size;
    MEMBER T& operator[](int64 i) const { return data[i]; }
};

// One number for every unit (n,), or one that holds for all.
template <typename T>
struct Each {
    const T* each;
    T one;
};

template <typename T>
DEVICE T at(const Each<T>& parameter, int64 i) {
    return parameter.each ? parameter.each[i] : parameter.one;
}

// Offsets (rows, columns, layers) of 1, 2 or 4 bytes each.
struct Offsets {
    const void* data;
    int64 columns, layers, width;
    MEMBER int64 at(int64 row, int64 column, int64 layer) const {
        const int64 k = (row * columns + column) * layers + layer;
        if (width == 1) return static_cast<const int8*>(data)[k];
        return width == 2 ? static_cast<const int16*>(data)[k] : static_cast<const int32*>(data)[k];
    }
};

// Indices (size,) of 2 or 4 bytes each.
struct Indices {
    const void* data;
    int64 size, width;
    MEMBER uint32 operator[](int64 i) const {
        return width == 2 ? static_cast<const uint16*>(data)[i] : static_cast<const uint32*>(data)[i];
    }
};

// The step at work, counted from a number kept on the device, so that the same launches serve any step. Only steps from
// `start` to `stop` - 1 do anything.
struct Clock {
    int64* words;   // the period's first step, start, stop
    int64 passed;   // steps of the period before this one
    MEMBER int64 step() const { return words[0] + passed; }
    MEMBER bool runs() const { return words[1] <= step() && step() < words[2]; }
    MEMBER void stop() const { atomicMin(words + 2, step() + 1); }  // this step is the last
};

// This thread's first index into an array, and the distance to its next one.
DEVICE int64 first_index() { return int64(blockIdx.x) * blockDim.x + threadIdx.x; }
DEVICE int64 stride() { return int64(gridDim.x) * blockDim.x; }

// Tell whether unit i fires: its bit in flags, which are all 0 before.
DEVICE void flag(Adds<uint32> flags, int64 i, bool fires) {
    if (fires) atomicOr(&flags[i >> 5], 1u << (i & 31));
}

#define EACH(i, n) for (int64 i = first_index(); i < (n); i += stride())
#define IN_BLOCK(i, n) for (int64 i = threadIdx.x; i < (n); i += blockDim.x)

// step - lag as a place in a ring of `depth`, 0 <= lag <= depth.
DEVICE int64 behind(int64 step, int64 lag, int64 depth) {
    const uint64 place = uint64(step + depth - lag);
    return place >> 32 ? place % uint64(depth) : uint32(place) % uint32(depth);  // 64 bits take ten times as long
}
