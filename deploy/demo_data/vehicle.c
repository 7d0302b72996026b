#include "deploy/demo_data/vehicle.h"

#include <stdio.h>
#include <string.h>

// 'A' a letter, '9' a digit, '4' a digit from 4 to 9. California leaves out I, O and Q.
static const struct {
    const char *state, *form;
    unsigned share; // of 1,000
} formats[] = {
    {"CA", "4AAA999", 760}, {"CA", "9A99999", 60}, {"NV", "999A99", 70},  {"OR", "999AAA", 30},
    {"AZ", "AAA9999", 30},  {"WA", "AAA9999", 25}, {"TX", "AAA9999", 15}, {"UT", "A999AA", 10},
};

static const struct {
    const char *make, *model, *body;
} models[] = {
    {"Toyota", "Camry", "sedan"},     {"Toyota", "Tacoma", "pickup"},
    {"Honda", "Civic", "sedan"},      {"Honda", "CR-V", "suv"},
    {"Ford", "F-150", "pickup"},      {"Ford", "Transit", "van"},
    {"Chevrolet", "Malibu", "sedan"}, {"Chevrolet", "Tahoe", "suv"},
    {"Nissan", "Altima", "sedan"},    {"Nissan", "Rogue", "suv"},
    {"Tesla", "Model 3", "sedan"},    {"Subaru", "Outback", "wagon"},
    {"Hyundai", "Elantra", "sedan"},  {"Kia", "Sorento", "suv"},
    {"Jeep", "Wrangler", "suv"},      {"Ram", "1500", "pickup"},
};

static const char *const colours[] = {"white",  "white", "black", "black", "grey",  "grey",
                                      "silver", "blue",  "red",   "green", "brown", "yellow"};

static char plate_character(char form, struct cm_dice *dice)
{
    static const char letters[] = "ABCDEFGHJKLMNPRSTUVWXYZ";
    switch (form) {
    case 'A':
        return letters[cm_dice_below(dice, sizeof letters - 1)];
    case '4':
        return (char)('4' + cm_dice_below(dice, 6));
    default:
        return (char)('0' + cm_dice_below(dice, 10));
    }
}

void cm_demo_vehicle(struct cm_demo_vehicle *out, uint64_t seed, uint32_t number)
{
    struct cm_dice dice = {seed ^ ((uint64_t)number << 32 | 0x7e1u)};
    uint32_t drawn = cm_dice_below(&dice, 1000), format = 0;
    while (drawn >= formats[format].share) {
        drawn -= formats[format].share;
        format++;
    }
    size_t len = strlen(formats[format].form);
    for (size_t i = 0; i < len; i++) {
        out->plate[i] = plate_character(formats[format].form[i], &dice);
    }
    out->plate[len] = '\0';
    snprintf(out->state, sizeof out->state, "%s", formats[format].state);
    uint32_t model = cm_dice_below(&dice, sizeof models / sizeof *models);
    out->make = models[model].make;
    out->model = models[model].model;
    out->body = models[model].body;
    out->colour = colours[cm_dice_below(&dice, sizeof colours / sizeof *colours)];
    out->year = 2005 + cm_dice_below(&dice, 21);
}

double cm_demo_read(char out[CM_DEMO_PLATE_SIZE], const char *plate, struct cm_dice *dice)
{
    // Classes that cameras mistake for each other.
    static const char *const alike[] = {"0ODQ", "1I", "2Z", "5S", "8B", "6G"};
    size_t len = strlen(plate);
    memcpy(out, plate, len + 1);
    if (cm_dice_below(dice, 100) >= 6) {
        return 0.85 + 0.149 * cm_dice_share(dice);
    }
    size_t at = cm_dice_below(dice, (uint32_t)len);
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) {
        if (strchr(alike[i], plate[at]) != NULL) {
            out[at] = alike[i][cm_dice_below(dice, (uint32_t)strlen(alike[i]))];
        }
    }
    return 0.55 + 0.3 * cm_dice_share(dice);
}
