// The device, emulated on the host: blocks run one after the other.
//
// Threads of a KERNEL run one after the other too. Those of a BLOCK_KERNEL are fibres with stacks of their own: at
// __syncthreads each waits until all have come, so shared memory and barriers mean what they mean on a card.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <vector>

#define DEVICE static inline
#define MEMBER inline
#define TABLE static const
#define ENTRY(name, most_threads) static void enter_##name
#define __shared__ static thread_local

#ifdef REVERSED  // the last thread first: what does not depend on the order of threads stays the same
#define TURN(k, n) ((n) - 1 - (k))
#else
#define TURN(k, n) (k)
#endif

struct Dim {
    unsigned x, y, z;
};

static thread_local Dim threadIdx, blockIdx, blockDim, gridDim;

template <typename T>
static inline T atomicAdd(T* place, T value) {
    const T before = *place;
    *place = before + value;
    return before;
}

static inline unsigned atomicOr(unsigned* place, unsigned bits) {
    const unsigned before = *place;
    *place = before | bits;
    return before;
}

static inline long long atomicMin(long long* place, long long value) {
    const long long before = *place;
    *place = before < value ? before : value;
    return before;
}

static inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
static inline int __ffs(int bits) { return __builtin_ffs(bits); }
static inline int __float_as_int(float x) { int bits; std::memcpy(&bits, &x, 4); return bits; }
static inline float __int_as_float(int bits) { float x; std::memcpy(&x, &bits, 4); return x; }
static inline long long __double_as_longlong(double x) { long long bits; std::memcpy(&bits, &x, 8); return bits; }
static inline double __longlong_as_double(long long bits) { double x; std::memcpy(&x, &bits, 8); return x; }

// One block's threads as fibres, each run until it ends or comes to a barrier.
class Fibres {
  public:
    template <typename Body>
    void run(unsigned threads, const Body& body) {
        while (fibres_.size() < threads) fibres_.push_back(new Fibre);
        for (unsigned t = 0; t < threads; ++t) begin(*fibres_[t], body);
        for (running_ = threads; running_;) {
            met_ = 0;
            votes_ = gathering_;
            gathering_ = 0;
            const unsigned alive = running_;
            for (unsigned k = 0; k < threads; ++k) {
                const unsigned t = TURN(k, threads);
                if (fibres_[t]->done) continue;
                threadIdx = {t, 0, 0};
                now_ = fibres_[t];
                swapcontext(&home_, &now_->context);
            }
            if (met_ && met_ != alive) fail("some threads of a block ended before a barrier that others wait at");
        }
    }

    int meet(int vote) {
        if (!now_) fail("__syncthreads in a KERNEL; it must be a BLOCK_KERNEL");
        ++met_;
        gathering_ |= vote;
        swapcontext(&now_->context, &home_);
        return votes_;
    }

  private:
    struct Fibre {
        ucontext_t context;
        std::vector<char> stack = std::vector<char>(1 << 16);
        bool done = false;
    };

    template <typename Body>
    void begin(Fibre& fibre, const Body& body) {
        fibre.done = false;
        getcontext(&fibre.context);
        fibre.context.uc_stack.ss_sp = fibre.stack.data();
        fibre.context.uc_stack.ss_size = fibre.stack.size();
        fibre.context.uc_link = nullptr;
        body_ = &body;
        makecontext(&fibre.context, &Fibres::enter<Body>, 0);
    }

    template <typename Body>
    static void enter();

    [[noreturn]] static void fail(const char* what) {
        std::fprintf(stderr, "host shim: %s\n", what);
        std::abort();
    }

    std::vector<Fibre*> fibres_;  // kept for the life of the OS thread
    ucontext_t home_;
    Fibre* now_ = nullptr;
    const void* body_ = nullptr;
    unsigned running_ = 0, met_ = 0;
    int votes_ = 0, gathering_ = 0;
};

static thread_local Fibres fibres;

template <typename Body>
void Fibres::enter() {
    (*static_cast<const Body*>(fibres.body_))();
    Fibre* self = fibres.now_;
    self->done = true;
    --fibres.running_;
    fibres.now_ = nullptr;
    swapcontext(&self->context, &fibres.home_);
}

static inline void __syncthreads() { fibres.meet(0); }
static inline int __syncthreads_or(int vote) { return fibres.meet(vote); }

// Run all blocks of a launch for all its jobs; grid {x, y, z}, block {x, y}; arguments by address, as a driver takes
// them.
template <typename Clock, typename Job>
static void launch(void (*entry)(Clock, const Job*), bool meets, const unsigned* grid, const unsigned* block,
                   void** arguments) {
    const auto body = [=] { entry(*static_cast<Clock*>(arguments[0]), *static_cast<const Job**>(arguments[1])); };
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], 1};
    const unsigned blocks = grid[0] * grid[1] * grid[2], threads = block[0] * block[1];
    for (unsigned k = 0; k < blocks; ++k) {
        const unsigned b = TURN(k, blocks);
        blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        if (meets) {
            fibres.run(threads, body);
            continue;
        }
        for (unsigned t = 0; t < threads; ++t) {
            threadIdx = {TURN(t, threads) % block[0], TURN(t, threads) / block[0], 0};
            body();
        }
    }
}
