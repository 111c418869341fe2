// See the header.
#include "cli/sluice/image.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "cli/sluice/cluster_dir.hpp"

namespace sluice::cli {

Status run_image(int argc, char** argv) {
  std::string program = program_folder() + "/sluice-image";
  std::vector<char*> words{program.data()};
  for (int i = 2; i < argc; ++i) words.push_back(argv[i]);
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  return tl::unexpected(base::errno_error(program, errno));
}

}  // namespace sluice::cli
