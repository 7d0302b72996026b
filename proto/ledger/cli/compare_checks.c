// What both parties have of one search, and tell differently.
#include "proto/ledger/cli/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// Each pair of sightings of two parties once.
struct pair {
    const struct cm_sighting *a, *b;
};

static bool next_pair(struct pair *pair, const struct cm_search *search)
{
    bool begun = pair->a != NULL;
    if (!begun) {
        pair->a = search->sightings;
    }
    for (; pair->a != NULL; pair->a = pair->a->next) {
        if (pair->a->source->party != 0) {
            continue;
        }
        pair->b = begun ? pair->b->next : search->sightings;
        begun = false;
        for (; pair->b != NULL; pair->b = pair->b->next) {
            if (pair->b->source->party == 1) {
                return true;
            }
        }
    }
    return false;
}

static enum cm_status check_commitments(struct cm_compare *compare, const struct cm_search *search)
{
    struct cm_finding finding = {.kind = CM_FINDING_DIFFERS, .search = search};
    for (struct pair pair = {NULL, NULL}; next_pair(&pair, search);) {
        if (pair.a->commitments != NULL && pair.b->commitments != NULL &&
            pair.a->commitments != pair.b->commitments) {
            finding.parts |= cm_compare_parts(pair.a->commitments, pair.b->commitments);
        }
    }
    return finding.parts == 0
               ? CM_OK
               : cm_compare_find(compare, &finding,
                                 "the same digest with other commitments: one of the two ledgers "
                                 "does not say what was signed");
}

static bool says_place(const struct cm_sighting *seen)
{
    return seen->gateway[0] != '\0' && !seen->refused_unread &&
           (seen->kind == CM_ENTRY_QUERY || seen->kind == CM_ENTRY_NODE ||
            seen->kind == CM_ENTRY_COPY);
}

static enum cm_status check_places(struct cm_compare *compare, const struct cm_search *search)
{
    const struct cm_finding finding = {.kind = CM_FINDING_DIFFERS, .search = search};
    for (struct pair pair = {NULL, NULL}; next_pair(&pair, search);) {
        if (says_place(pair.a) && says_place(pair.b) &&
            (strcmp(pair.a->gateway, pair.b->gateway) != 0 ||
             pair.a->gateway_index != pair.b->gateway_index)) {
            return cm_compare_find(compare, &finding,
                                   "recorded as entry %" PRIu64 " of gateway %s, or as entry "
                                   "%" PRIu64 " of gateway %s",
                                   pair.a->gateway_index, pair.a->gateway, pair.b->gateway_index,
                                   pair.b->gateway);
        }
    }
    return CM_OK;
}

static bool names_manifest(const struct cm_sighting *seen)
{
    return !seen->refused_unread &&
           (seen->kind == CM_ENTRY_COPY || seen->kind == CM_ENTRY_MANIFEST);
}

// Made by a gateway that started after a crash, which took the account of what came of it. Nothing
// is hidden by it: the copy at the requester's agency holds the account, signed.
static bool of_nobody(const struct cm_sighting *seen)
{
    return seen->kind == CM_ENTRY_MANIFEST && seen->asked == 0 && seen->answered == 0 &&
           seen->rows == 0;
}

static enum cm_status check_manifests(struct cm_compare *compare, const struct cm_search *search)
{
    const struct cm_finding finding = {.kind = CM_FINDING_DIFFERS, .search = search};
    bool no_account = false;
    for (struct pair pair = {NULL, NULL}; next_pair(&pair, search);) {
        if (!names_manifest(pair.a) || !names_manifest(pair.b)) {
            continue;
        }
        const bool same = cm_digest_equal(&pair.a->last_digest, &pair.b->last_digest);
        if (!same && of_nobody(pair.a) != of_nobody(pair.b)) {
            no_account = true;
        } else if (!same) {
            return cm_compare_find(compare, &finding, "the two ledgers name different manifests");
        } else if (pair.a->rows != pair.b->rows) {
            return cm_compare_find(compare, &finding,
                                   "of one manifest, %" PRIu64 " rows in the one ledger, %" PRIu64
                                   " in the other",
                                   pair.a->rows, pair.b->rows);
        }
    }
    compare->uncompared[CM_UNCOMPARED_NO_ACCOUNT] += no_account;
    return CM_OK;
}

enum cm_status cm_compare_same(struct cm_compare *compare, const struct cm_search *search)
{
    enum cm_status status = check_commitments(compare, search);
    if (status == CM_OK) {
        status = check_places(compare, search);
    }
    return status == CM_OK ? check_manifests(compare, search) : status;
}

// What an agency's nodes recorded of a search.
struct node_side {
    const struct cm_sighting *node;    // the one that permitted, or the last
    const struct cm_sighting *release; // the complete one, or that of most rows
};

static struct node_side side_of(const struct cm_search *search, unsigned party, const char *agency)
{
    struct node_side side = {NULL, NULL};
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        if (seen->source->party != party || seen->source->agency == NULL ||
            strcmp(seen->source->agency, agency) != 0) {
            continue;
        }
        if (seen->kind == CM_ENTRY_NODE && (side.node == NULL || !side.node->permitted)) {
            side.node = seen;
        }
        const bool better =
            side.release == NULL ||
            (side.release->release != CM_RELEASE_COMPLETE &&
             (seen->release == CM_RELEASE_COMPLETE || seen->rows > side.release->rows));
        if (seen->kind == CM_ENTRY_RELEASE && better) {
            side.release = seen;
        }
    }
    return side;
}

// One line of a manifest, and who it is about.
struct claim {
    const struct cm_search *search;
    const struct cm_manifest_seen *manifest;
    const struct cm_account_seen *account;
    struct node_side side;
};

static enum cm_status contradict(struct cm_compare *compare, const struct claim *claim,
                                 const char *what)
{
    const struct cm_finding finding = {.kind = CM_FINDING_CONTRADICTED, .search = claim->search};
    const struct cm_sighting *release = claim->side.release;
    if (release == NULL) {
        return cm_compare_find(compare, &finding,
                               "the manifest says %s of %s, %" PRIu64 " rows; %s",
                               cm_outcome_name(claim->account->outcome), claim->account->agency,
                               claim->account->rows, what);
    }
    return cm_compare_find(compare, &finding,
                           "the manifest says %s of %s, %" PRIu64 " rows; its ledger says %s, "
                           "%" PRIu64 " rows (entry %" PRIu64 " of %s): %s",
                           cm_outcome_name(claim->account->outcome), claim->account->agency,
                           claim->account->rows, cm_release_outcome_name(release->release),
                           release->rows, release->index, release->source->origin, what);
}

static enum cm_status judge_answered(struct cm_compare *compare, const struct claim *claim)
{
    const struct cm_account_seen *account = claim->account;
    const struct cm_sighting *release = claim->side.release;
    if (!claim->side.node->permitted) {
        return contradict(compare, claim, "its node recorded that it refused");
    }
    if (release == NULL) {
        compare->uncompared[CM_UNCOMPARED_NO_RELEASE]++;
        return CM_OK;
    }
    if (account->rows > release->rows) {
        return contradict(compare, claim, "more rows came than went out");
    }
    if (release->release != CM_RELEASE_COMPLETE || claim->manifest->cut) {
        return CM_OK; // the limit was reached: fewer rows are right
    }
    if (account->rows < release->rows) {
        return contradict(compare, claim, "fewer rows came than went out, and no limit cut them");
    }
    return cm_digest_equal(&account->last_header, &release->last_digest)
               ? CM_OK
               : contradict(compare, claim, "the last signed header is another one");
}

static enum cm_status judge_unanswered(struct cm_compare *compare, const struct claim *claim)
{
    const struct cm_search_values *values = claim->search->values;
    const struct cm_sighting *release = claim->side.release;
    const int64_t deadline_ms = values != NULL ? claim->manifest->started_ms + values->deadline_ms
                                               : claim->manifest->finished_ms;
    if (release == NULL || release->release != CM_RELEASE_COMPLETE ||
        release->recorded_ms > deadline_ms) {
        return CM_OK;
    }
    return contradict(compare, claim, "the answer was complete, and taken, before the deadline");
}

static enum cm_status judge_claim(struct cm_compare *compare, const struct claim *claim)
{
    switch (claim->account->outcome) {
    case CM_OUTCOME_ANSWERED:
        return judge_answered(compare, claim);
    case CM_OUTCOME_LATE:
    case CM_OUTCOME_FAILED:
    case CM_OUTCOME_OFFLINE:
    case CM_OUTCOME_DETACHED:
    case CM_OUTCOME_REFUSED:
    case CM_OUTCOME_WITHDRAWN:
        return judge_unanswered(compare, claim);
    case CM_OUTCOME_INCOMPATIBLE:
    case CM_OUTCOME_NOT_PERMITTED:
    case CM_OUTCOME_NOT_NAMED:
    case CM_OUTCOME_NO_NODE:
        return contradict(compare, claim, "its node was asked");
    case CM_OUTCOME_NONE:
    case CM_OUTCOME_COUNT:
        return CM_OK;
    }
    return CM_OK;
}

enum cm_status cm_compare_manifests(struct cm_compare *compare, const struct cm_search *search)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        for (size_t i = 0; seen->manifest != NULL && i < seen->manifest->account_count; i++) {
            struct claim claim = {.search = search,
                                  .manifest = seen->manifest,
                                  .account = &seen->manifest->accounts[i]};
            claim.side = side_of(search, 1 - seen->source->party, claim.account->agency);
            enum cm_status status = claim.side.node != NULL ? judge_claim(compare, &claim) : CM_OK;
            if (status != CM_OK) {
                return status;
            }
        }
    }
    return CM_OK;
}
