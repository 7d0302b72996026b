// Private to proto/rpc: grpc.health.v1, Check and Watch, for "" and comity.v1.GatewayService.
// Loop thread.
#ifndef CM_RPC_HEALTH_H
#define CM_RPC_HEALTH_H

#include "proto/rpc/server.h"

enum { CM_HEALTH_METHODS = 2 };

struct cm_health;

// NULL when out of memory. Begins as not serving.
struct cm_health *cm_health_new(void);
// After the server's last stream.
void cm_health_free(struct cm_health *health);
void cm_health_methods(struct cm_method out[CM_HEALTH_METHODS], struct cm_health *health);
void cm_health_set(struct cm_health *health, bool healthy);
// Ends all watches.
void cm_health_close(struct cm_health *health);

#endif
