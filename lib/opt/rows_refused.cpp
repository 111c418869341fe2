// Options of Slurm that Sluice does not have. Each is known by its name, takes its argument as
// Slurm does, and ends the command with the reason: nobody believes that it was heeded.
#include "base/strings.hpp"
#include "opt/submit_state.hpp"

namespace sluice::opt {
namespace {

constexpr std::string_view kNoBurstBuffers = "no burst buffers";
constexpr std::string_view kNoFrequencies = "frequencies can't be set";
constexpr std::string_view kNoReboot = "nodes are not rebooted for jobs";
constexpr std::string_view kNoSegments = "segments stand wherever they fit best";
constexpr std::string_view kNoCast = "files are not broadcast";
constexpr std::string_view kNoSpecial = "no threads are set aside for single jobs";
constexpr std::string_view kFixedSampling = "the sampling interval is fixed";

// Without a profile plugin, asking for none is what happens anyway.
Outcome set_profile(SubmitState&, const Given& use) {
  if (base::iequals(use.value, "none")) return {};
  return unsupported(use, "no profiles are taken");
}

constexpr SubmitRow kRows[] = {
    SubmitRow::valued("accel-bind", 0, "<options>", "").on(kSrun).refused("use --gpu-bind"),
    SubmitRow::valued("acctg-freq", 0, "<intervals>", "")
        .on(kSubmit)
        .env("SBATCH_ACCTG_FREQ", "SALLOC_ACCTG_FREQ", "SLURM_ACCTG_FREQ")
        .refused(kFixedSampling),
    SubmitRow::valued("msg-timeout", 0, "<seconds>", "")
        .on(kSrun)
        .refused("the agents watch a launch themselves"),
    SubmitRow::flag("preserve-env", 'E', "")
        .on(kSrun)
        .refused("SLURM_JOB_NUM_NODES and SLURM_NTASKS are those of the step"),
    SubmitRow::flag("async", 0, "").on(kSrun).refused("run srun in the background instead"),
    SubmitRow::valued("batch", 0, "<features>", "")
        .on(kSbatch)
        .env("SBATCH_BATCH")
        .refused("the script runs on the job's first node"),
    SubmitRow::valued("bb", 0, "<spec>", "")
        .on(kSubmit)
        .env("", "SALLOC_BURST_BUFFER", "SLURM_BURST_BUFFER")
        .refused(kNoBurstBuffers),
    SubmitRow::valued("bbf", 0, "<file>", "").on(kSubmit).refused(kNoBurstBuffers),
    SubmitRow::maybe("bcast", 0, "<path>", "")
        .on(kSrun)
        .env("", "", "SLURM_BCAST")
        .refused(kNoCast),
    SubmitRow::valued("bcast-exclude", 0, "<paths>", "")
        .on(kSrun)
        .env("", "", "SLURM_BCAST_EXCLUDE")
        .refused(kNoCast),
    SubmitRow::valued("cluster-constraint", 0, "<list>", "").on(kSubmit).refused("no federation"),
    SubmitRow::maybe("compress", 0, "<type>", "")
        .on(kSrun)
        .env("", "", "SLURM_COMPRESS")
        .refused(kNoCast),
    SubmitRow::flag("consolidate-segments", 0, "").on(kSubmit).refused(kNoSegments),
    SubmitRow::valued("context", 0, "<context>", "").on(kSubmit).refused("no SELinux contexts"),
    SubmitRow::valued("cpu-freq", 0, "<frequency>", "")
        .on(kSubmit)
        .env("", "", "SLURM_CPU_FREQ_REQ")
        .refused(kNoFrequencies),
    SubmitRow::flag("debugger-test", 0, "").on(kSrun).refused("it is no part of the interface"),
    SubmitRow::valued("delay-boot", 0, "<minutes>", "")
        .on(kSubmit)
        .env("SBATCH_DELAY_BOOT", "SALLOC_DELAY_BOOT", "SLURM_DELAY_BOOT")
        .refused(kNoReboot),
    SubmitRow::valued("gpu-freq", 0, "<frequency>", "")
        .on(kSubmit)
        .env("SBATCH_GPU_FREQ", "SALLOC_GPU_FREQ", "SLURM_GPU_FREQ")
        .refused(kNoFrequencies),
    SubmitRow::valued("ignore-signals", 0, "<signals>", "")
        .on(kSrun)
        .refused("use the shell's trap"),
    SubmitRow::flag("interactive", 0, "").on(kSrun).refused("use salloc or srun --pty"),
    SubmitRow::valued("mcs-label", 0, "<label>", "").on(kSubmit).refused("no MCS labels"),
    SubmitRow::valued("mem-update", 0, "<size>", "").on(kSubmit).refused("memory can't be changed"),
    SubmitRow::valued("network", 0, "<type>", "")
        .on(kSubmit)
        .env("SBATCH_NETWORK", "SALLOC_NETWORK", "SLURM_NETWORK")
        .refused("networks are not managed"),
    SubmitRow::flag("no-allocate", 'Z', "").on(kSrun).refused("every step belongs to a job"),
    SubmitRow::valued("oom-kill-step", 0, "{0|1}", "")
        .on(kSubmit)
        .env("", "", "SLURM_OOMKILLSTEP")
        .refused("the configuration decides what running out of memory ends"),
    SubmitRow::valued("power", 0, "<flags>", "")
        .on(kSubmit)
        .env("SBATCH_POWER", "SALLOC_POWER", "SLURM_POWER")
        .refused("power is not managed"),
    SubmitRow::valued("profile", 0, "{none}", "Kinds of profiling: none.")
        .on(kSubmit)
        .env("SBATCH_PROFILE", "SALLOC_PROFILE", "SLURM_PROFILE")
        .sets(set_profile),
    SubmitRow::flag("reboot", 0, "").on(kSubmit).refused(kNoReboot),
    SubmitRow::valued("resources", 0, "<file>", "").on(kSubmit).refused("no resource files"),
    SubmitRow::maybe("resv-ports", 0, "<count>", "")
        .on(kSubmit)
        .env("", "", "SLURM_RESV_PORTS")
        .refused("ports are not reserved"),
    SubmitRow::maybe("send-libs", 0, "<yes|no>", "")
        .on(kSrun)
        .env("", "", "SLURM_SEND_LIBS")
        .refused(kNoCast),
    SubmitRow::valued("slurmd-debug", 0, "<level>", "")
        .on(kSrun)
        .env("", "", "SLURMD_DEBUG")
        .refused("see the node's log"),
    SubmitRow::flag("spread-segments", 0, "").on(kSubmit).refused(kNoSegments),
    SubmitRow::valued("thread-spec", 0, "<count>", "")
        .on(kSubmit)
        .env("SBATCH_THREAD_SPEC", "SALLOC_THREAD_SPEC", "SLURM_THREAD_SPEC")
        .refused(kNoSpecial),
    SubmitRow::valued("treewidth", 0, "<size>", "")
        .on(kSrun)
        .refused("the configuration decides the fanout"),
    SubmitRow::valued("tres-per-task", 0, "<list>", "")
        .on(kSubmit)
        .env("SBATCH_TRES_PER_TASK", "SALLOC_TRES_PER_TASK", "SLURM_TRES_PER_TASK")
        .refused("use --cpus-per-task and --gpus-per-task"),
    SubmitRow::flag("wait-for-children", 0, "").on(kSrun).refused("a task is its first process"),
    SubmitRow::maybe("x11", 0, "{all|first|last}", "")
        .on(kSrun | kSalloc)
        .refused("X11 is not forwarded"),
};

}  // namespace

std::span<const SubmitRow> refused_rows() { return kRows; }

}  // namespace sluice::opt
