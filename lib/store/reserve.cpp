// See reserve.hpp.
#include "store/reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace sluice::store {

namespace {
constexpr off_t kReserveBytes = off_t{32} * 1024 * 1024;
}

Status Reserve::make() {
  Result<base::UniqueFd> file = base::open_file(path_, O_RDWR | O_CREAT, 0600);
  if (!file) return tl::unexpected(std::move(file.error()));
  struct stat status {};
  if (::fstat(file->get(), &status) == 0 && status.st_size >= kReserveBytes) return {};
  const int code = ::posix_fallocate(file->get(), 0, kReserveBytes);
  if (code == 0) return {};
  ::unlink(path_.c_str());
  return tl::unexpected(base::errno_error(path_, code));
}

void Reserve::give_up() { ::unlink(path_.c_str()); }

}  // namespace sluice::store
