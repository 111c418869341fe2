#!/bin/bash
# The demo's container: a task and a GPU on each of two nodes, in an image that knows nothing of
# this host. It stays until a file appears, so that others run beside it meanwhile.
#SBATCH -J gpu -N2 -n2 -w n1,n2 --ntasks-per-node=1 --gres=gpu:1 --mem=100M -o gpu-%j.out
box=(--container-image="$1/image" --container-mounts="$1:/shared" --container-workdir=/shared)
srun "${box[@]}" sh -c '
  . /etc/os-release
  n=0
  until [ -e go-on ] || [ $n = 600 ]; do n=$((n + 1)); sleep 0.1; done
  echo "task $SLURM_PROCID on $SLURMD_NODENAME: ID=$ID, $SLURM_GPUS_ON_NODE GPU"'
