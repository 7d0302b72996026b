// Numbers that look random and are the same for the same seed on every machine (SplitMix64): one
// draw in an expression at most, for C leaves their order open. One thread.
#ifndef CM_DEMO_DICE_H
#define CM_DEMO_DICE_H

#include <stdint.h>

struct cm_dice {
    uint64_t state;
};

static inline uint64_t cm_dice_next(struct cm_dice *dice)
{
    uint64_t z = (dice->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// 0 to below - 1.
static inline uint32_t cm_dice_below(struct cm_dice *dice, uint32_t below)
{
    return (uint32_t)(((cm_dice_next(dice) >> 32) * below) >> 32);
}

// [0, 1).
static inline double cm_dice_share(struct cm_dice *dice)
{
    return (double)(cm_dice_next(dice) >> 11) / 9007199254740992.0;
}

#endif
