// What every kernel of this room is made of: numbers, arrays, the clock and the threads.
//
// `real` is the precision of the simulation. A kernel is compiled for a card, or, with HOST_SHIM, for the host,
// where `shim.h` runs its threads one after the other.
#pragma once

typedef unsigned char uint8;
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
#define KERNEL(name) extern "C" __global__ void name        // its threads never wait for each other
#define BLOCK_KERNEL(name) extern "C" __global__ void name  // the threads of a block meet at __syncthreads
#endif

// An array (size,).
template <typename T>
struct Array {
    T* data;
    int64 size;
    MEMBER T& operator[](int64 i) const { return data[i]; }
};

// An array (size,) to which kernels only add, each number at once, or in which all write the same: several of them may
// work at a time.
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

// Counts (rows, columns, layers) of 2 or 4 bytes each.
struct Counts {
    const void* data;
    int64 columns, layers, width;
    MEMBER uint32 at(int64 row, int64 column, int64 layer) const {
        const int64 k = (row * columns + column) * layers + layer;
        return width == 2 ? static_cast<const uint16*>(data)[k] : static_cast<const uint32*>(data)[k];
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

// The number of the step at work, kept on the device so that the same launches serve any step. Only steps
// from `start` to `stop` - 1 do anything; a full buffer moves `stop`.
struct Clock {
    int64* words;  // step, start, stop
    MEMBER int64 step() const { return words[0]; }
    MEMBER bool runs() const { return words[1] <= words[0] && words[0] < words[2]; }
};

// This thread's first index into an array, and the distance to its next one.
DEVICE int64 first_index() { return int64(blockIdx.x) * blockDim.x + threadIdx.x; }
DEVICE int64 stride() { return int64(gridDim.x) * blockDim.x; }

#define EACH(i, n) for (int64 i = first_index(); i < (n); i += stride())
#define IN_BLOCK(i, n) for (int64 i = threadIdx.x; i < (n); i += blockDim.x)

// step - lag as a place in a ring of `depth`.
DEVICE int64 behind(int64 step, int64 lag, int64 depth) { return ((step - lag) % depth + depth) % depth; }
