/* The interface between Sluice and a plugin that starts MPI programs (PMIx, PMI-1, PMI-2).
 *
 * A plugin is a shared object with one entry point, sluice_mpi_plugin_v1(). It runs in a helper
 * process of its own for each step and node, as the job's user and never as root; the step's
 * supervisor (sluice-stepd) stands on the other side of a socket and carries data between nodes.
 *
 * Rules:
 *  - All functions of the table are called by one thread, the helper's, and return quickly.
 *  - The callbacks may be called by that thread only. A plugin with threads of its own hands work
 *    over by a queue and a descriptor that it gives out by poll_fds().
 *  - Pointers in arguments are valid during the call, except SluiceMpiStep and SluiceMpiCallbacks,
 *    which live until stop() returns.
 *  - Ranks are global task numbers; nodes are counted from 0 inside the step.
 *  - Functions return 0 for success, or -1 and say why by the callback `problem`.
 */
#ifndef SLUICE_MPI_PLUGIN_H
#define SLUICE_MPI_PLUGIN_H

#include <poll.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_MPI_ABI 1u

/* Flags of a plugin. */
#define SLUICE_MPI_TASK_SOCKETS 1u /* each task inherits one end of a socket, we hold the other */

typedef struct SluiceMpiStep {
  uint32_t job_id;
  uint32_t step_id;
  const char* cluster_job; /* text that is unique among all jobs of all clusters of this host */
  uint32_t uid;
  uint32_t gid;
  uint32_t node; /* this node's number in the step */
  uint32_t node_count;
  const char* const* node_names; /* [node_count] */
  uint32_t task_count;           /* of the step */
  const uint32_t* task_node;     /* [task_count]: the node of each rank */
  uint32_t local_count;
  const uint32_t* local_ranks;    /* [local_count], ascending */
  const int* task_sockets;        /* [local_count] with SLUICE_MPI_TASK_SOCKETS, else null */
  const int* task_socket_numbers; /* [local_count]: the descriptor number of the task's end, in the
                                     task; for the environment */
  uint32_t shared_host;           /* 1: other nodes of the step live on this host, under the same
                                     host name: files in /dev/shm would clash */
  uint32_t universe;              /* slots of the whole job: at least task_count */
  const char* directory;          /* exists, is the user's, is ours alone; the caller removes it */
} SluiceMpiStep;

typedef struct SluiceMpiCallbacks {
  void* context;
  /* One node's part of a collective of all nodes. fence_done() answers when every node has called
   * with the same id. Ids are chosen by the plugin: equal on all nodes, never used twice. */
  void (*fence)(void* context, uint64_t id, const void* data, size_t size);
  /* To the plugin on another node of the step: direct_received() there. Ordered, not lost. */
  void (*direct)(void* context, uint32_t node, const void* data, size_t size);
  /* A task wants the whole step ended. */
  void (*abort)(void* context, uint32_t rank, int code, const char* message);
  /* A task is through with MPI: its exit without this is a failure of the step. */
  void (*initialized)(void* context, uint32_t rank);
  void (*finalized)(void* context, uint32_t rank);
  /* One line for the job's standard error. */
  void (*problem)(void* context, const char* message);
} SluiceMpiCallbacks;

/* Takes one variable of a task's environment. */
typedef void (*SluiceMpiSetEnv)(void* sink, const char* name, const char* value);

typedef struct SluiceMpiPlugin {
  uint32_t abi;        /* SLUICE_MPI_ABI */
  const char* name;    /* "pmix" */
  const char* version; /* of the implementation, for logs */
  uint32_t flags;

  /* Returns the plugin's state, or null after calling `problem`. Called once in a process. */
  void* (*start)(const SluiceMpiStep* step, const SluiceMpiCallbacks* callbacks);
  /* The variables of one local task. */
  int (*environment)(void* state, uint32_t rank, SluiceMpiSetEnv set, void* sink);
  /* Writes up to `room` descriptors to wait for and returns how many there are. */
  size_t (*poll_fds)(void* state, struct pollfd* fds, size_t room);
  /* Something happened on one of them. */
  void (*ready)(void* state, int fd, short events);
  /* `data` is every node's part in the order of the nodes; parts[i] is the size of node i's. */
  void (*fence_done)(void* state, uint64_t id, const void* data, const size_t* parts);
  void (*direct_received)(void* state, uint32_t from, const void* data, size_t size);
  /* A local task has ended, in whatever way. */
  void (*task_ended)(void* state, uint32_t rank);
  void (*stop)(void* state);
} SluiceMpiPlugin;

/* The one entry point. The table lives as long as the shared object is loaded. */
typedef const SluiceMpiPlugin* (*SluiceMpiEntry)(void);
#define SLUICE_MPI_ENTRY "sluice_mpi_plugin_v1"

#ifdef __cplusplus
}
#endif
#endif
