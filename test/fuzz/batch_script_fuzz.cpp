// Batch scripts with #SBATCH lines: options or a message, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "opt/job_options.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string script(reinterpret_cast<const char*>(data), size);
  opt::Invocation invocation;
  invocation.arguments = {"job.sh"};
  invocation.now = 1'700'000'000;
  invocation.uid = 1000;
  invocation.read_file = [&](const std::string&) -> Result<std::string> { return script; };
  const auto options = opt::parse_sbatch(invocation);
  if (!options && options.error().err.empty() && options.error().out.empty()) std::abort();
  return 0;
}
