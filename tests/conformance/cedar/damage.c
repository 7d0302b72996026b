#include "damage.h"

#include "trial.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TRIALS = 500 };

// What stands in a condition's line.
static const char *const sorts[] = {
    "principal has member",   "principal in [Group::",
    "principal in [Agency::", "principal == ",
    "principal.kind",         "principal.state",
    "principal.signed.kind",  "principal.signed.state",
    "context.role",           "context.purpose",
    "context.age_s <=",       "context.age_s >",
    "context.field)",         "context.field ==",
    "evidence.containsAll",   "evidence.containsAny",
    "context.now_ms >=",      "context.now_ms <",
    "context.spent",          "resource in",
};

// A copy of the policies without one condition of that sort, NULL when there is none. The last
// condition's semicolon stays.
static char *damage(const struct cm_buf *policies, const char *sort, struct random *random)
{
    char *text = strndup((const char *)policies->data, policies->len);
    char *chosen = NULL;
    unsigned seen = 0;
    for (char *line = text; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        char *found = strstr(line, sort);
        bool condition = strncmp(line, "when {", 6) == 0 || strncmp(line, "unless {", 8) == 0;
        if (condition && found != NULL && found < end && pick(random, ++seen) == 0) {
            chosen = line;
        }
        line = end == NULL ? NULL : end + 1;
    }
    if (chosen == NULL) {
        free(text);
        return NULL;
    }
    size_t len = strcspn(chosen, "\n");
    len -= chosen[len - 1] == ';';
    memset(chosen, ' ', len);
    return text;
}

static bool shows(struct engine *engine, uint64_t seed, const char *sort, unsigned *tried)
{
    static struct trial trial;
    struct random random = {seed};
    trial_generate(&trial, seed);
    char *policies = damage(&trial.sheets[0].cedar.policies, sort, &random);
    bool differs = policies != NULL && trial_ask(&trial, engine, policies) &&
                   trial_difference(&trial) < trial.count;
    *tried += policies != NULL;
    free(policies);
    trial_clear(&trial);
    return differs;
}

int damage_check(struct engine *engine, uint64_t seed)
{
    int code = EXIT_SUCCESS;
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
        unsigned tried = 0;
        bool shown = false;
        for (unsigned trial = 0; !shown && trial < MOST_TRIALS; trial++) {
            shown = shows(engine, seed + trial, sorts[i], &tried);
        }
        printf("without %-24s %s after %u rule set%s\n", sorts[i], shown ? "differs" : "UNSEEN",
               tried, tried == 1 ? "" : "s");
        code = shown ? code : EXIT_FAILURE;
    }
    return code;
}
