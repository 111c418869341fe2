# Read by the shell of every case before its setup: script files to submit, and the few words the
# cases are written in. The working directory is a fresh one, which every user may enter.

# Scripts, right and wrong.
printf '#!/bin/bash\nexit 0\n' >ok.sh
printf '#!/bin/bash\n#SBATCH --job-name=directive\n#SBATCH -N2 -n4 # both on one line\n#SBATCH --comment="two words"\n##SBATCH --foo\n# SBATCH --foo\ntrue\n#SBATCH --foo\n' >directives.sh
printf 'echo hi\n' >no_interpreter.sh
: >empty.sh
printf '   \n' >blank.sh
printf '\n#!/bin/sh\n' >late_interpreter.sh
printf '#!/bin/sh\r\necho hi\r\n' >dos.sh
printf '#!/bin/sh\n\0x\n' >nul.sh
printf '#!/bin/sh\n#SBATCH --foo\n' >bad_option.sh
printf '#!/bin/sh\n#SBATCH -t abc\n' >bad_time.sh
printf '#!/bin/sh\n#SBATCH --job-name="unclosed\n' >unclosed.sh
printf '#!/bin/sh\n#SBATCH -n 2 extra words\n' >leftover.sh
printf '#!/bin/sh\necho "$# $1 $2"; echo "$SLURM_JOB_NAME"\n' >arguments.sh

# done_job ARGS...: submits, waits for the end, prints the id.
done_job() { sbatch --parsable --wait --output=/dev/null "$@"; }

# held_job ARGS...: submits a held job, prints the id.
held_job() { sbatch --parsable --hold --output=/dev/null "$@"; }

# running_job ARGS...: a job whose step 0 runs when this returns; prints the id. The step says so
# itself, through a fifo, so nothing polls.
running_job() {
    local id up=$PWD/up.$RANDOM
    mkfifo "$up"
    id=$(sbatch --parsable --output=/dev/null --mem=16 "$@" \
        --wrap "srun bash -c 'echo up >$up; exec sleep 1000'")
    read -r _ <"$up"
    echo "$id"
}

# as_other COMMAND...: as a user who owns none of the jobs. Needs root.
as_other() { setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/ USER=nobody "$@"; }

# leave_nothing: cancels what the case left, and waits until the nodes are free of it.
leave_nothing() {
    local users
    users=$(id -un),nobody
    scancel --quiet --user="$(id -un)"
    scancel --quiet --user=nobody
    until [ -z "$(squeue --noheader --user="$users")" ]; do sleep 0.05; done
}

# no_accounts: takes away the accounts, users and QOS that the cases make.
no_accounts() {
    local what
    for what in "user daemon,bin,games" "account phys,chem,astro" "qos high,low"; do
        sacctmgr -i delete $what
    done >/dev/null 2>&1
    true
}

# some_accounts: phys with chem below it, daemon in both, the QOS high.
some_accounts() {
    no_accounts
    sacctmgr -i add account phys
    sacctmgr -i add account chem parent=phys fairshare=10 maxjobs=4
    sacctmgr -i add user daemon account=phys,chem
    sacctmgr -i add qos high priority=10
} >/dev/null 2>&1
