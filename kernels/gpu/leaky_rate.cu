// Leaky rate units, which send their rate.
#include "exponential.cuh"

const int64 RECTIFIED = 1, LOGISTIC = 2;  // laws of activation; 0 is linear

// Let the rates (n,) relax for a step towards the activation of their drive; nobody fires.
KERNEL(leaky_rate_step)(Clock clock, Array<real> r, Each<real> drive, Each<real> decay, Each<real> gain,
                        Each<real> offset, int64 law) {
    EACH(i, r.size) {
        real goal = at(gain, i) * (at(drive, i) - at(offset, i));
        if (law == RECTIFIED) goal = goal > real(0) ? goal : real(0);
        else if (law == LOGISTIC) goal = real(1) / (real(1) + exponential(-goal));
        r[i] = goal + (r[i] - goal) * at(decay, i);
    }
}
