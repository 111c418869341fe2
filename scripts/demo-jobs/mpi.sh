#!/bin/bash
#SBATCH --job-name=mpi
#SBATCH --nodes=4 --ntasks=8
#SBATCH --ntasks-per-node=2
#SBATCH --mem-per-cpu=100M
#SBATCH --time=5
#SBATCH --output=mpi-%j.out
# Eight ranks on four nodes, once through srun and once through mpirun in the same allocation.
set -e
echo "job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, $SLURM_NTASKS tasks"
echo "== srun --mpi=pmix"
srun --mpi=pmix ./ring
echo "== mpirun"
mpirun --allow-run-as-root --mca btl self,tcp --mca btl_tcp_if_include lo --oversubscribe ./ring
echo "== done"
