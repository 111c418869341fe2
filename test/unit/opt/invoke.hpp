// Command lines for the tests of lib/opt: built from words, with an environment, a clock and files
// that exist only here.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "opt/job_options.hpp"
#include "opt/query_options.hpp"

namespace sluice::opt::test {

inline constexpr std::int64_t kNow = 1'700'000'000;

class Invoke {
 public:
  explicit Invoke(std::vector<std::string> words) {
    in_.arguments = std::move(words);
    set_up();
  }
  Invoke& env(std::string_view name, std::string_view value) {
    in_.environment.set(name, value);
    return *this;
  }
  Invoke& file(const std::string& path, const std::string& text) {
    files_[path] = text;
    return *this;
  }
  Invoke& as_user(std::uint32_t uid) {
    in_.uid = uid;
    return *this;
  }

  [[nodiscard]] Parsed<SbatchOptions> sbatch() { return parse_sbatch(bound()); }
  [[nodiscard]] Parsed<SallocOptions> salloc() { return parse_salloc(bound()); }
  [[nodiscard]] Parsed<SrunOptions> srun() { return parse_srun(bound()); }
  [[nodiscard]] Parsed<SqueueOptions> squeue() { return parse_squeue(bound()); }
  [[nodiscard]] Parsed<SinfoOptions> sinfo() { return parse_sinfo(bound()); }
  [[nodiscard]] Parsed<ScancelOptions> scancel() { return parse_scancel(bound()); }
  [[nodiscard]] Parsed<SacctOptions> sacct() { return parse_sacct(bound()); }
  [[nodiscard]] Parsed<ScontrolOptions> scontrol() { return parse_scontrol(bound()); }
  [[nodiscard]] Parsed<SstatOptions> sstat() { return parse_sstat(bound()); }

 private:
  void set_up() {
    in_.now = kNow;
    files_["job.sh"] = "#!/bin/sh\ntrue\n";
  }
  const Invocation& bound() {
    in_.read_file = [this](const std::string& path) -> Result<std::string> {
      const auto found = files_.find(path);
      if (found == files_.end()) return fail(ErrorCode::not_found, "Unable to open file " + path);
      return found->second;
    };
    return in_;
  }

  Invocation in_;
  std::map<std::string, std::string> files_;
};

// Blank-separated words.
inline std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> result;
  std::string word;
  for (char c : line + " ") {
    if (c != ' ')
      word += c;
    else if (!word.empty())
      result.push_back(std::exchange(word, {}));
  }
  return result;
}

// A script with these lines after "#!/bin/sh".
inline Invoke script(const std::string& lines, const std::string& options = "") {
  auto all = words(options);
  all.emplace_back("s");
  Invoke invoke(all);
  invoke.file("s", "#!/bin/sh\n" + lines);
  return invoke;
}

}  // namespace sluice::opt::test
