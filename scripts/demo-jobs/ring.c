/* The demo's MPI program: each rank says who and where it is, and an allreduce over all ranks is
 * checked against the sum that it must give. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  int rank = 0, size = 0;
  long mine, sum = 0;
  const char *node = getenv("SLURMD_NODENAME");
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  mine = rank + 1;
  MPI_Allreduce(&mine, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
  printf("rank %d of %d on %s: sum %ld\n", rank, size, node ? node : "?", sum);
  fflush(stdout);
  MPI_Finalize();
  return sum == (long)size * (size + 1) / 2 ? 0 : 1;
}
