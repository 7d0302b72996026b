#include "gateway/metrics.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void get(char *out, size_t size, uint16_t port, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    char request[128];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    cr_assert_eq(write(fd, request, (size_t)len), len);
    size_t got = 0;
    ssize_t more;
    while (got < size - 1 && (more = read(fd, out + got, size - 1 - got)) > 0) {
        got += (size_t)more;
    }
    out[got] = '\0';
    close(fd);
}

Test(metrics, shows_what_was_set_and_nothing_elsewhere)
{
    struct cm_metrics *metrics;
    struct cm_metrics_values values = {.queries = 41, .nodes = 7, .connections_shed = 3};
    char page[16384];
    cr_assert_eq(cm_metrics_new(&metrics, 0, NULL), CM_OK);
    cm_metrics_set(metrics, &values);
    get(page, sizeof page, cm_metrics_port(metrics), "/metrics");
    cr_assert_not_null(strstr(page, "200 OK"));
    cr_assert_not_null(strstr(page, "\ncomity_gateway_queries 41\n"));
    cr_assert_not_null(strstr(page, "\ncomity_gateway_nodes 7\n"));
    cr_assert_not_null(strstr(page, "\ncomity_gateway_connections_shed 3\n"));
    get(page, sizeof page, cm_metrics_port(metrics), "/");
    cr_assert_not_null(strstr(page, "404"));
    cm_metrics_free(metrics);
}

Test(metrics, a_taken_port_is_an_error)
{
    struct cm_metrics *first, *second;
    struct cm_error error = {0};
    cr_assert_eq(cm_metrics_new(&first, 0, NULL), CM_OK);
    cr_assert_eq(cm_metrics_new(&second, cm_metrics_port(first), &error), CM_IO);
    cr_assert_str_eq(error.where, "gateway.metrics_port");
    cm_metrics_free(first);
}
