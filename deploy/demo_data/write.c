#include "deploy/demo_data/write.h"

#include "deploy/demo_data/vehicle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t day_ms = 86400000, hour_ms = 3600000;
static const int64_t west_ms = 28800000; // local time is UTC-8

// Traffic of each local hour, of 1,000: two rush hours, quiet nights.
static const unsigned hours[24] = {7,  5,  4,  4,  8,  22, 48, 82, 78, 52, 46, 50,
                                   56, 52, 54, 64, 80, 86, 66, 46, 34, 26, 18, 12};

struct read {
    int64_t at_ms;
    const struct cm_demo_sighting *sighting; // NULL: by chance
};

static int by_time(const void *a, const void *b)
{
    const struct read *x = a, *y = b;
    return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

static int64_t time_of_day(struct cm_dice *dice)
{
    uint32_t drawn = cm_dice_below(dice, 1000), hour = 0;
    while (drawn >= hours[hour]) {
        drawn -= hours[hour];
        hour++;
    }
    return hour * hour_ms + cm_dice_below(dice, (uint32_t)hour_ms);
}

// Weekends have half the traffic; nothing is newer than now or older than the agency looks back.
static int64_t time_of_read(struct cm_dice *dice, int64_t now_ms, unsigned days)
{
    for (;;) {
        int64_t day = (now_ms - west_ms) / day_ms - cm_dice_below(dice, days);
        int64_t at = day * day_ms + time_of_day(dice) + west_ms;
        bool weekend = (day + 4) % 7 == 0 || (day + 4) % 7 == 6; // day 0 was a Thursday
        if (at < now_ms && !(weekend && cm_dice_below(dice, 2) == 0)) {
            return at;
        }
    }
}

// Few vehicles pass every day, most now and then: a rank by the cube of an even draw. Each agency
// has its own regulars; one in five comes from the valley's common traffic.
static uint32_t vehicle_number(struct cm_dice *dice, const struct cm_demo_agency *agency)
{
    double even = cm_dice_share(dice);
    uint32_t rank = (uint32_t)(even * even * even * CM_DEMO_VEHICLES);
    uint32_t offset =
        cm_dice_below(dice, 5) == 0 ? 0 : (uint32_t)(agency - cm_demo_agencies + 1) * 7919;
    return (rank * 7 + offset) % CM_DEMO_VEHICLES;
}

static void write_time(FILE *file, int64_t ms)
{
    fprintf(file, "%lld", (long long)ms);
}

static void write_plate(FILE *file, const char *plate, const char *mark)
{
    int first = mark[0] != '\0' ? 4 : (int)strlen(plate);
    fprintf(file, "%.*s%s%s", first, plate, mark, plate + first);
}

static void write_vehicle(FILE *file, const struct cm_demo_agency *agency,
                          const struct cm_demo_vehicle *vehicle, struct cm_dice *dice)
{
    if (agency->sees_vehicles && vehicle->make != NULL && cm_dice_below(dice, 10) > 0) {
        fprintf(file, ",%s,%s,%s,%s,%u,%.3f", vehicle->make, vehicle->model, vehicle->colour,
                vehicle->body, vehicle->year, 0.6 + 0.4 * cm_dice_share(dice));
    } else {
        fputs(",,,,,,", file);
    }
}

static void write_image(FILE *file, const struct cm_demo_agency *agency, size_t number,
                        struct cm_dice *dice)
{
    if (!agency->keeps_images) {
        fputs(",,", file);
        return;
    }
    fprintf(file, ",%s/%05zu/%07zu.jpg,", agency->prefix, number / 1000, number);
    for (int i = 0; i < 4; i++) {
        fprintf(file, "%016llx", (unsigned long long)cm_dice_next(dice));
    }
}

static void write_row(FILE *file, const struct cm_demo_agency *agency, const struct read *read,
                      size_t number, uint64_t seed, struct cm_dice *dice)
{
    struct cm_demo_vehicle vehicle = {.make = NULL};
    char plate[CM_DEMO_PLATE_SIZE];
    const struct cm_demo_sighting *story = read->sighting;
    uint32_t camera = cm_dice_below(dice, (uint32_t)agency->camera_count);
    double confidence = 0.97;
    if (story != NULL) {
        camera = story->camera;
        snprintf(vehicle.plate, sizeof vehicle.plate, "%s", story->plate);
        snprintf(vehicle.state, sizeof vehicle.state, "%s", story->state);
        snprintf(plate, sizeof plate, "%s", story->plate);
    } else {
        cm_demo_vehicle(&vehicle, seed, vehicle_number(dice, agency));
        confidence = cm_demo_read(plate, vehicle.plate, dice);
    }
    const struct cm_demo_camera *at = &agency->cameras[camera];
    bool moves = strcmp(at->site, "patrol") == 0;
    double spread = moves ? 0.04 : 0.0002;
    // Without the state where the camera could not tell.
    bool stateless = story == NULL && cm_dice_below(dice, 100) < 5;
    fprintf(file, "%s-%07zu,", agency->prefix, number);
    write_time(file, read->at_ms);
    fputc(',', file);
    write_plate(file, plate, agency->plate_style);
    double latitude = at->latitude + spread * (cm_dice_share(dice) - 0.5);
    double longitude = at->longitude + spread * (cm_dice_share(dice) - 0.5);
    fprintf(file, ",%s,%.6f,%.6f,\"%s\",%s,%u", stateless ? "" : vehicle.state, latitude, longitude,
            at->site, at->id, moves ? cm_dice_below(dice, 360) : at->heading);
    write_vehicle(file, agency, &vehicle, dice);
    fprintf(file, ",%.4f,%s:%.4f", confidence, plate, confidence);
    if (strcmp(plate, vehicle.plate) != 0) {
        fprintf(file, ";%s:%.4f", vehicle.plate, confidence * 0.9);
    }
    write_image(file, agency, number, dice);
    fputc(',', file);
    if (agency->expires) {
        write_time(file, read->at_ms + agency->days * day_ms);
    }
    fputc('\n', file);
}

static struct read *draw_reads(const struct cm_demo_agency *agency, struct cm_dice *dice,
                               int64_t now_ms, size_t rows, size_t *count)
{
    struct read *reads = calloc(rows + cm_demo_sighting_count, sizeof *reads);
    *count = 0;
    for (size_t i = 0; i < rows && reads != NULL; i++) {
        reads[(*count)++] = (struct read){time_of_read(dice, now_ms, agency->days), NULL};
    }
    for (size_t i = 0; i < cm_demo_sighting_count && reads != NULL; i++) {
        const struct cm_demo_sighting *s = &cm_demo_sightings[i];
        if (strcmp(s->agency, agency->id) == 0) {
            reads[(*count)++] = (struct read){now_ms - s->minutes_ago * (int64_t)60000, s};
        }
    }
    if (reads != NULL) {
        qsort(reads, *count, sizeof *reads, by_time);
    }
    return reads;
}

enum cm_status cm_demo_write(const char *path, const struct cm_demo_agency *agency, uint64_t seed,
                             int64_t now_ms, size_t rows, struct cm_error *error)
{
    struct cm_dice dice = {seed * 1000003 + (uint64_t)(agency - cm_demo_agencies)};
    size_t count = 0;
    struct read *reads = draw_reads(agency, &dice, now_ms, rows, &count);
    if (reads == NULL) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        enum cm_status status = cm_fail(error, CM_IO, path, "can't be made: %s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        free(reads);
        return status;
    }
    fputs("event_id,captured_at,plate_read,state,latitude,longitude,site,camera,heading,make,model,"
          "colour,body,year,vehicle_confidence,confidence,candidates,image_reference,image_sha256,"
          "expires_at\n",
          file);
    for (size_t i = 0; i < count; i++) {
        write_row(file, agency, &reads[i], i + 1, seed, &dice);
    }
    free(reads);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        return cm_fail(error, CM_IO, path, "can't be written: %s", strerror(errno));
    }
    return CM_OK;
}
