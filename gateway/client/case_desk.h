// The commands of comity case. Main thread.
#ifndef CM_CLIENT_CASE_DESK_H
#define CM_CLIENT_CASE_DESK_H

int cm_case_use(int argc, char **argv);
int cm_case_show(int argc, char **argv);
int cm_case_end(int argc, char **argv);

#endif
