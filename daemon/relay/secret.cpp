// See target.hpp: secrets in files.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "daemon/relay/target.hpp"

namespace sluice::relay {

Result<std::string> read_secret(const std::string& path) {
  constexpr std::size_t kMost = 4096;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return tl::unexpected(base::errno_error(path, errno));
  if ((status.st_mode & 077U) != 0 || (status.st_uid != ::geteuid() && status.st_uid != 0)) {
    return fail(ErrorCode::access_denied, path + ": others could read it (chmod 600)");
  }
  Result<std::string> text = base::read_file(path, kMost);
  if (!text) return text;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty()) return fail(ErrorCode::invalid_argument, path + ": it is empty");
  return text;
}

}  // namespace sluice::relay
