// The end of a period.
#include "launch.cuh"

// Go on to the next period, of as many steps as this one.
CLOCK_KERNEL(tick)(Clock clock, int64 period) { clock.words[0] += period; }
