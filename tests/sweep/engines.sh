#!/bin/bash
# Sweeps under real engines: GNU parallel with a killed job, and Slurm (one node, on the loopback) with a requeued task.
# Usage: engines.sh PROGRAM [STEPS]. Installs what is missing from Debian if it may. Exit code 77: skipped, with the reason.
set -eu
program=$(realpath "$1")
steps=${2:-20000}
skip() { echo "skipped: $*"; exit 77; }
need() {
    command -v "$1" >/dev/null && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || skip "$1 is not there, and only root can install it from Debian"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2"; } >/dev/null 2>&1 ||
        skip "$2 cannot be installed"
}
need parallel parallel
need sbatch slurm-wlm
need munged munge

place=$(mktemp -d)
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    # The daemons write to the directory until they have ended.
    wait $pids 2>/dev/null || true
    rm -rf "$place"
}
trap finish EXIT
cd "$place"
fail() { echo "failed: $*"; tail -n 20 "$place"/*.log 2>/dev/null; exit 1; }
wait_for() { # seconds, what, a command
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "no $what"
        sleep 0.1
    done
}

cat >s.ron <<RON
(data: Moons(samples: 400, noise: 0.2), network: [Dense(32), Tanh(), Dense(32), Tanh()], optimizer: Adam(0.01),
 steps: $steps, evaluate_every: $((steps / 10)))
RON
cat >w.ron <<'RON'
(scenario: "s.ron", vary: [("optimizer", Values([Sgd(0.1), Adam(0.01)])), ("optimizer.lr", Log(1e-3, 1, 8))], seeds: 4)
RON
"$program" sweep w.ron --out one >table 2>/dev/null || fail "one process"
results() { cat "$1"/cells-*.jsonl 2>/dev/null | wc -l; }
some() { [ "$(cat "$1"/cells-"$2"of8-*.jsonl 2>/dev/null | wc -l)" -ge 2 ]; }

# GNU parallel: a job that is killed has Exitval 0 and the signal beside it, and --resume-failed takes it up.
"$program" sweep w.ron --out shared --tasks 8 --print-parallel >line
sed -i 's/^parallel/parallel -j 2 --will-cite/' line
sh ./line >parallel.log 2>&1 &
runs=$!
wait_for 60 "results of part 2" some shared 2
victim=$(pgrep -n -f -- "$place/shared .*--task 2/8") || fail "part 2 is not there to be killed"
kill -KILL "$victim"
wait "$runs" && fail "parallel did not notice the killed job"
awk -F'\t' 'NR > 1 && $7 == 0 && $8 == 9' sweep.joblog | grep -q . || fail "no job with Exitval 0 and signal 9: $(cat sweep.joblog)"
before=$(results shared)
[ "$before" -lt 64 ] || fail "the killed job had nothing left to do"
sh ./line >>parallel.log 2>&1 || fail "parallel --resume-failed"
[ "$(results shared)" = 64 ] || fail "$(results shared) results in place of 64"
"$program" sweep table shared >again && cmp table again || fail "the table under GNU parallel is another one"
echo "parallel: killed with $before of 64 results, taken up, the same table"

# Slurm: munge, controller and node of our own.
node=$(hostname -s)
dd if=/dev/urandom of=munge.key bs=1024 count=1 2>/dev/null
chmod 600 munge.key
chmod 755 "$place"
munged --force --foreground --socket="$place/munge.sock" --key-file="$place/munge.key" --pid-file="$place/munged.pid" \
    --log-file="$place/munged.log" --seed-file="$place/munged.seed" >munge.out 2>&1 &
pids="$pids $!"
mkdir -p state spool
cat >slurm.conf <<CONF
ClusterName=sweep
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$place/munge.sock
SlurmUser=root
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,requeue_delay=1
MpiDefault=none
KillWait=5
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
CONF
printf "CgroupPlugin=autodetect\nIgnoreSystemd=yes\n" >cgroup.conf
export SLURM_CONF="$place/slurm.conf"
wait_for 20 "munge" test -S munge.sock
slurmctld -D >slurmctld.out 2>&1 &
pids="$pids $!"
slurmd -D -N "$node" >slurmd.out 2>&1 &
pids="$pids $!"
idle() { sinfo -h -o %T | grep -qE 'idle|mixed'; }
wait_for 60 "node of Slurm" idle

"$program" sweep w.ron --out cluster --tasks 8 --print-slurm >job.sh
sed -i 's/--cpus-per-task=2/--cpus-per-task=1/; s/^exec/echo "start ${SLURM_RESTART_COUNT:-0}"\nexec/' job.sh
job=$(sbatch --parsable job.sh) || fail "sbatch"
wait_for 120 "results of task 2" some cluster 3
scontrol requeue "${job}_2" || fail "scontrol requeue"
over() { [ -z "$(squeue -h -j "$job")" ]; }
wait_for 300 "end of the array" over
grep -q "start 1" "sweep-${job}_2.log" || fail "task 2 was not started again: $(cat "sweep-${job}_2.log")"
grep -q "part 3 of 8 is done" "sweep-${job}_2.log" || fail "task 2 did not end: $(cat "sweep-${job}_2.log")"
grep -q "interrupted" "sweep-${job}_2.log" || fail "task 2 did not hear SIGTERM"
[ "$(ls cluster/cells-3of8-*.jsonl | wc -l)" = 2 ] || fail "task 2 wrote $(ls cluster)"
[ "$(results cluster)" = 64 ] || fail "$(results cluster) results in place of 64"
"$program" sweep table cluster >again && cmp table again || fail "the table under Slurm is another one"
echo "slurm: an array of 8 with a requeued task, the same table"
