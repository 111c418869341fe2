// The nursery: `sluice-stepd --nursery --dir DIR`, an stepd that only makes others. Starting a
// program costs more than half of what stepd does for a short job (loading, relocation, and on
// virtual machines the loader's questions about the processor), so sluiced starts it once, and then
// sends it the folder and the socket of each step; it forks, and the child is the step's stepd.
// The nursery holds no state: it goes when sluiced does, and if it dies the next step starts
// another.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace sluice::stepd {

inline constexpr std::size_t kMaxNurseryPath = 4096;

// sluiced's side.
class Nursery {
 public:
  // `program`: sluice-stepd; `dir` is named on the command line, for whoever reads the process
  // list.
  Nursery(std::string program, std::string dir)
      : program_(std::move(program)), dir_(std::move(dir)) {}
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  // An stepd for the step in this folder, with `link` as its conversation with us. That it lives is
  // seen by the link alone; it is nobody's child to reap.
  [[nodiscard]] Status hatch(const std::string& step_dir, const base::UniqueFd& link);

 private:
  [[nodiscard]] Status start();
  [[nodiscard]] Status send(const std::string& step_dir, int link) const;
  void end();

  std::string program_;
  std::string dir_;
  base::UniqueFd control_;
  pid_t pid_ = -1;
};

// The program's side: serves requests on `control` until its other end closes. `live` is called in
// each child, with the folder and the link, and its result is the child's exit code.
using StepdLife = std::function<int(const std::string& step_dir, base::UniqueFd link)>;
[[nodiscard]] int run_nursery(base::UniqueFd control, const StepdLife& live);

}  // namespace sluice::stepd
