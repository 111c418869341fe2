// The rows that put a job's script or a step's tasks into a container: those of pyxis
// (--container-image and the rest) and Slurm's own --container. sbatch's are of its script, srun's
// of its step, salloc's are the defaults of the sruns in the allocation. Which of them go together
// is judged at the end, by settle_container().
#include <algorithm>
#include <array>
#include <optional>

#include "base/env.hpp"
#include "base/strings.hpp"
#include "opt/submit_state.hpp"

namespace sluice::opt {
namespace {

using model::ContainerSpec;
using model::Wish;

constexpr std::size_t kMaxName = 128;

// What mount(8) calls them, as far as a user's own mount may have them.
constexpr std::array<std::string_view, 24> kMountFlags{
    "ro",     "rw",     "nosuid",     "suid",        "nodev",      "dev",
    "noexec", "exec",   "noatime",    "atime",       "relatime",   "norelatime",
    "bind",   "rbind",  "private",    "rprivate",    "shared",     "rshared",
    "slave",  "rslave", "unbindable", "runbindable", "nodiratime", "sync"};

// Variables may be set for good and say how containers are run, if any are: only an option that was
// typed demands that there be one.
void note(SubmitState& s, const Given& use) {
  if (use.source == Source::environment || s.container.detail.source != Source::none) return;
  s.container.detail = {use.source, use.row->name};
}

// The answer in a variable: yes, no, or neither.
std::optional<bool> truth_of(std::string_view text) {
  for (std::string_view yes : {"1", "true", "yes"}) {
    if (base::iequals(text, yes)) return true;
  }
  for (std::string_view no : {"0", "false", "no"}) {
    if (base::iequals(text, no)) return false;
  }
  return std::nullopt;
}

template <Text ContainerSpec::*Member>
Outcome container_text(SubmitState& s, const Given& use) {
  if (use.value.empty()) return bad_value(use);
  s.container.spec.*Member = use.value;
  note(s, use);
  return {};
}

Outcome set_image(SubmitState& s, const Given& use) {
  if (use.value.empty() || use.value.find_first_of(" \t\n") != std::string::npos) {
    return bad_value(use);
  }
  s.container.spec.image = use.value;
  s.container.image = {use.source, use.row->name};
  return {};
}

Outcome set_bundle(SubmitState& s, const Given& use) {
  if (use.value.empty()) return bad_value(use);
  s.container.spec.bundle = use.value;
  s.container.bundle = {use.source, use.row->name};
  return {};
}

// Safe as a file's name, and in a command line of the runtime.
bool is_plain_name(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto fits = [&](char c) {
    return plain(c) || c == '.' || c == '_' || c == '-' || c == '+';
  };
  return !text.empty() && text.size() <= kMaxName && plain(text.front()) &&
         std::all_of(text.begin(), text.end(), fits);
}

// NAME[:auto|no_exec]. Each step has a container process of its own over the kept files, so that
// both mean the same here.
Outcome set_name(SubmitState& s, const Given& use) {
  const base::Cut parts = base::cut(use.value, ':');
  if (!is_plain_name(parts.before)) return bad_value(use);
  const std::string_view flag = parts.after;
  if (flag == "create" || flag == "exec") {
    return unsupported(use, "a name is made at its first use and used again afterwards");
  }
  const bool colon = parts.before.size() < use.value.size();
  if (colon && flag != "auto" && flag != "no_exec") return bad_value(use);
  s.container.spec.name = parts.before;
  s.container.name = {use.source, use.row->name};
  return {};
}

Outcome set_id(SubmitState& s, const Given& use) {
  if (!is_plain_name(use.value)) return bad_value(use);
  s.container.spec.id = use.value;
  if (use.source != Source::environment) s.container.id = {use.source, use.row->name};
  return {};
}

bool is_path(std::string_view text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../");
}

tl::unexpected<Complaint> bad_mount(const Given& use, std::string_view item, std::string_view why) {
  return complain(fmt::format("Invalid --{} specification: \"{}\": {}", use.row->name, item, why));
}

// SRC[:DST[:FLAG[+FLAG…]]]
Outcome add_mount(SubmitState& s, const Given& use, std::string_view item) {
  const auto words = base::split(item, ':');
  if (words.size() > 3) return bad_mount(use, item, "expected SRC:DST[:FLAGS]");
  model::ContainerMount mount;
  mount.source = words[0];
  mount.target = words.size() > 1 ? words[1] : words[0];
  if (!is_path(mount.source.view())) {
    return bad_mount(use, item, "the source must begin with \"/\" or \"./\"");
  }
  if (!mount.target.view().starts_with('/')) {
    return bad_mount(use, item, "the destination must be an absolute path");
  }
  for (std::string_view flag : base::split(words.size() > 2 ? words[2] : "", '+')) {
    if (flag.empty() && words.size() <= 2) continue;
    if (std::find(kMountFlags.begin(), kMountFlags.end(), flag) == kMountFlags.end()) {
      return bad_mount(use, item, fmt::format("unknown flag \"{}\"", flag));
    }
    mount.flags.emplace_back(flag);
  }
  s.container.spec.mounts.push_back(std::move(mount));
  return {};
}

// Several uses add up; a stronger source begins anew.
Outcome set_mounts(SubmitState& s, const Given& use) {
  if (use.value.empty()) return bad_value(use);
  if (s.container.mounts != use.source) s.container.spec.mounts.clear();
  s.container.mounts = use.source;
  for (std::string_view item : base::split(use.value, ',')) {
    if (Outcome added = add_mount(s, use, item); !added) return added;
  }
  note(s, use);
  return {};
}

Outcome set_workdir(SubmitState& s, const Given& use) {
  if (!use.value.starts_with('/')) {
    return complain(fmt::format("Invalid --{} specification: not an absolute path", use.row->name));
  }
  return container_text<&ContainerSpec::workdir>(s, use);
}

Outcome set_host_first(SubmitState& s, const Given& use) {
  s.container.spec.host_first.clear();
  for (std::string_view name : base::split(use.value, ',')) {
    if (!base::is_env_name(name)) return bad_value(use);
    s.container.spec.host_first.emplace_back(name);
  }
  note(s, use);
  return {};
}

Outcome set_unshare(SubmitState& s, const Given& use) {
  s.container.spec.unshare = 0;
  for (std::string_view word : base::split(use.value, ',')) {
    if (word == "net") {
      s.container.spec.unshare |= model::kUnshareNet;
    } else if (word == "ipc") {
      s.container.spec.unshare |= model::kUnshareIpc;
    } else if (word == "uts") {
      s.container.spec.unshare |= model::kUnshareUts;
    } else {
      return bad_value(use);
    }
  }
  note(s, use);
  return {};
}

Outcome set_entrypoint_log(SubmitState& s, const Given& use) {
  if (use.source == Source::environment) {
    const auto wanted = truth_of(use.value);
    if (wanted && !*wanted) return {};
    if (!wanted && !is_path(use.value)) return bad_value(use);
    s.container.spec.entrypoint_log = wanted ? std::string() : use.value;
  } else {
    if (use.has_value && !is_path(use.value)) return bad_value(use);
    s.container.spec.entrypoint_log = use.value;
  }
  note(s, use);
  return {};
}

// The positive and the negative option of one wish. Variables hold the answer themselves.
struct WishPair {
  Wish ContainerSpec::*member;
  Choice ContainerAsked::*choice;
};

Outcome wish(SubmitState& s, const Given& use, const WishPair& pair, Wish said) {
  if (use.source == Source::environment) {
    const auto truth = truth_of(use.value);
    if (!truth) {
      return complain(
          fmt::format("Invalid value \"{}\" in the environment for --{}: expected yes "
                      "or no",
                      use.value, use.row->name));
    }
    if (!*truth) said = said == Wish::yes ? Wish::no : Wish::yes;
  }
  Wish& value = s.container.spec.*pair.member;
  Choice& former = s.container.*pair.choice;
  const bool contrary = value != Wish::unset && value != said;
  if (contrary && former.source == use.source && former.option != use.row->name) {
    return complain(
        fmt::format("--{} and --{} are mutually exclusive.", former.option, use.row->name), 1);
  }
  value = said;
  former = {use.source, use.row->name};
  note(s, use);
  return {};
}

template <Wish ContainerSpec::*Member, Choice ContainerAsked::*Memory, Wish Said>
Outcome wishes(SubmitState& s, const Given& use) {
  return wish(s, use, {Member, Memory}, Said);
}

constexpr auto kHome = wishes<&ContainerSpec::mount_home, &ContainerAsked::mount_home, Wish::yes>;
constexpr auto kNoHome = wishes<&ContainerSpec::mount_home, &ContainerAsked::mount_home, Wish::no>;
constexpr auto kRoot = wishes<&ContainerSpec::remap_root, &ContainerAsked::remap_root, Wish::yes>;
constexpr auto kNoRoot = wishes<&ContainerSpec::remap_root, &ContainerAsked::remap_root, Wish::no>;
constexpr auto kEntry = wishes<&ContainerSpec::entrypoint, &ContainerAsked::entrypoint, Wish::yes>;
constexpr auto kNoEntry = wishes<&ContainerSpec::entrypoint, &ContainerAsked::entrypoint, Wish::no>;
constexpr auto kWritable = wishes<&ContainerSpec::writable, &ContainerAsked::writable, Wish::yes>;
constexpr auto kReadonly = wishes<&ContainerSpec::writable, &ContainerAsked::writable, Wish::no>;

constexpr SubmitRow of_container(SubmitRow row) { return row.on(kSubmit).in(Group::container); }

constexpr SubmitRow kRows[] = {
    of_container(
        SubmitRow::valued("container", 0, "<bundle>",
                          "Run in the OCI bundle in this folder, as its config.json describes."))
        .env("SBATCH_CONTAINER", "SALLOC_CONTAINER", "SRUN_CONTAINER")
        .sets(set_bundle),
    of_container(SubmitRow::valued("container-id", 0, "<id>",
                                   "Name that the runtime knows the container by."))
        .env("SBATCH_CONTAINER_ID", "SALLOC_CONTAINER_ID", "SRUN_CONTAINER_ID")
        .sets(set_id),
    of_container(SubmitRow::valued("container-type", 0, "<type>", ""))
        .env("SBATCH_CONTAINER_TYPE", "SALLOC_CONTAINER_TYPE", "SRUN_CONTAINER_TYPE")
        .refused("the configuration names the runtime"),
    of_container(SubmitRow::valued(
                     "container-image", 0, "[<user>@][<registry>#]<image>[:<tag>]|<path>",
                     "Run in a container of this image: from a registry, or, where it begins with "
                     "/ or ./, from a squashfs file, an OCI layout or a docker archive. In #SBATCH "
                     "lines # is written \\#."))
        .env("", "", "PYXIS_CONTAINER_IMAGE")
        .sets(set_image),
    of_container(SubmitRow::valued("container-mounts", 0, "<src>:<dst>[:<flags>][,...]",
                                   "Show folders and files of the host in the container. Flags "
                                   "are joined by +, as in ro+rprivate."))
        .env("", "", "PYXIS_CONTAINER_MOUNTS")
        .sets(set_mounts),
    of_container(
        SubmitRow::valued("container-workdir", 0, "<path>", "Working directory in the container."))
        .env("", "", "PYXIS_CONTAINER_WORKDIR")
        .sets(set_workdir),
    of_container(SubmitRow::valued("container-name", 0, "<name>",
                                   "Keep the container's files under this name, and use them "
                                   "where the name exists."))
        .env("", "", "PYXIS_CONTAINER_NAME")
        .sets(set_name),
    of_container(SubmitRow::valued("container-save", 0, "<path>",
                                   "Write the container's files to a squashfs file at the end."))
        .env("", "", "PYXIS_CONTAINER_SAVE")
        .sets(container_text<&ContainerSpec::save>),
    of_container(
        SubmitRow::flag("container-mount-home", 0, "Show the home directory in the container."))
        .env("", "", "PYXIS_CONTAINER_MOUNT_HOME")
        .reads_variable()
        .sets(kHome),
    of_container(SubmitRow::flag("no-container-mount-home", 0, "Don't show the home directory."))
        .sets(kNoHome),
    of_container(SubmitRow::flag("container-remap-root", 0, "Appear as root in the container."))
        .env("", "", "PYXIS_CONTAINER_REMAP_ROOT")
        .reads_variable()
        .sets(kRoot),
    of_container(SubmitRow::flag("no-container-remap-root", 0, "Stay oneself in the container."))
        .sets(kNoRoot),
    of_container(SubmitRow::flag("container-entrypoint", 0, "Run the image's entrypoint."))
        .env("", "", "PYXIS_CONTAINER_ENTRYPOINT")
        .reads_variable()
        .sets(kEntry),
    of_container(SubmitRow::flag("no-container-entrypoint", 0, "Don't run the image's entrypoint."))
        .sets(kNoEntry),
    of_container(SubmitRow::maybe("container-entrypoint-log", 0, "<path>",
                                  "Where the entrypoint's own output goes: to a file, or (without "
                                  "a path) with the tasks' output."))
        .env("", "", "PYXIS_CONTAINER_ENTRYPOINT_LOG")
        .sets(set_entrypoint_log),
    of_container(SubmitRow::flag("container-writable", 0, "Let tasks write to the root folder."))
        .env("", "", "PYXIS_CONTAINER_WRITABLE")
        .reads_variable()
        .sets(kWritable),
    of_container(SubmitRow::flag("container-readonly", 0, "Make the root folder read-only."))
        .env("", "", "PYXIS_CONTAINER_READONLY")
        .reads_variable()
        .sets(kReadonly),
    of_container(SubmitRow::valued("container-env", 0, "<name>[,...]",
                                   "Variables whose value on the host outranks the image's."))
        .env("", "", "PYXIS_CONTAINER_ENV")
        .sets(set_host_first),
    of_container(SubmitRow::valued("container-unshare", 0, "net,ipc,uts",
                                   "What the container doesn't share with the host."))
        .env("", "", "PYXIS_CONTAINER_UNSHARE")
        .sets(set_unshare),
};

}  // namespace

std::span<const SubmitRow> container_rows() { return kRows; }

}  // namespace sluice::opt
