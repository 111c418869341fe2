// See the header. The detour through /proc/self/fd needs a mounted /proc, which every host that
// runs jobs has.

#include "net/client/unix_address.hpp"

#include <fcntl.h>

#include <cstddef>
#include <cstring>
#include <utility>

namespace sluice::net {

Result<UnixAddress> unix_address(const std::string& path) {
  UnixAddress address;
  address.raw.sun_family = AF_UNIX;
  std::string name = path;
  if (name.empty() || name.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "socket path is empty or has a NUL");
  }
  if (name.size() >= sizeof(address.raw.sun_path)) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    auto opened = base::open_file(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!opened) return context(folder, std::move(opened).error());
    address.folder = std::move(*opened);
    name = "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" +
           (slash == std::string::npos ? path : path.substr(slash + 1));
    if (name.size() >= sizeof(address.raw.sun_path)) {
      return fail(ErrorCode::pathname_too_long, path + ": socket name too long");
    }
  }
  std::memcpy(address.raw.sun_path, name.data(), name.size());
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
  return address;
}

}  // namespace sluice::net
