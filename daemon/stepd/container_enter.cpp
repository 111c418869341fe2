// See the header.
#include "daemon/stepd/container_enter.hpp"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.hpp"
#include "model/container_spec.hpp"

namespace sluice::stepd {
namespace {

// Enough to install packages into a container of one's own. There is one id in the namespace, so
// none of these reaches anything that isn't the user's.
constexpr std::array<int, 8> kRootsOwn = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
                                          CAP_SETGID, CAP_SETUID,       CAP_KILL,   CAP_SYS_CHROOT};

std::uint64_t kept_capabilities(bool root_inside) {
  std::uint64_t mask = 0;
  if (!root_inside) return mask;
  for (const int capability : kRootsOwn) mask |= std::uint64_t{1} << capability;
  return mask;
}

}  // namespace

Status join_container(const ContainerDoor& door) {
  int kinds = CLONE_NEWUSER | CLONE_NEWNS;
  if ((door.unshare & model::kUnshareNet) != 0) kinds |= CLONE_NEWNET;
  if ((door.unshare & model::kUnshareIpc) != 0) kinds |= CLONE_NEWIPC;
  if ((door.unshare & model::kUnshareUts) != 0) kinds |= CLONE_NEWUTS;
  if (::setns(door.holder, kinds) == 0) return {};
  return tl::unexpected(base::errno_error("entering the container", errno));
}

Status drop_privileges(bool root_inside) {
  const std::uint64_t kept = kept_capabilities(root_inside);
  for (int capability = 0; capability < 64; ++capability) {
    if ((kept >> capability & 1U) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // beyond the last one
    return tl::unexpected(base::errno_error("dropping capabilities", errno));
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return tl::unexpected(base::errno_error("no_new_privs", errno));
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    sets[i].permitted = static_cast<std::uint32_t>(kept >> (32 * i));
    sets[i].effective = sets[i].permitted;
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) {
    return tl::unexpected(base::errno_error("dropping capabilities", errno));
  }
  return {};
}

}  // namespace sluice::stepd
