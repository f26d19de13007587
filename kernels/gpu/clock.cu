// The end of a step.
#include "launch.cuh"

// Go on to the next step; a raised `pause` (1,) makes this one the last.
KERNEL(tick)(Clock clock, Array<const int64> pause) {
    if (clock.runs() && pause[0]) clock.words[2] = clock.words[0] + 1;
    clock.words[0] += 1;
}
