// Where the tasks' output goes: srun's own stdout and stderr or a local file, with labels if asked
// for. With labels a line is never mixed with another: what has no newline yet waits for it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "wire/step_messages.hpp"

namespace sluice::cli {

struct OutputOptions {
  bool label = false;
  std::uint32_t tasks = 1;  // for the label's width
  std::string stdout_path;  // empty: our own; "none" discards; a number: that task only
  std::string stderr_path;  // empty: our own, or where stdout goes if that was given
  bool append = false;
};

class OutputSink {
 public:
  [[nodiscard]] static Result<OutputSink> create(const OutputOptions& options);

  // Writes what is new of it: data before the position was seen already.
  [[nodiscard]] Status take(const wire::Output& output);
  // Positions that moved since the last call, to be acknowledged.
  [[nodiscard]] std::vector<wire::OutputAck> acks();
  // How far everything has come, for an attach.
  [[nodiscard]] std::vector<wire::StreamPosition> positions() const;

 private:
  struct Destination {
    int fd = -1;  // -1: discard
    std::uint32_t only_task = UINT32_MAX;
  };
  struct Channel {
    std::uint64_t offset = 0;
    bool moved = false;
    std::string partial;  // a line that has no end yet (labels only)
  };

  [[nodiscard]] Result<Destination> open(const std::string& path, int own_fd);
  [[nodiscard]] Status write(const Destination& to, std::uint32_t task, Channel& channel,
                             std::string_view data, bool end);

  OutputOptions options_;
  int label_width_ = 1;
  Destination out_;
  Destination err_;
  std::vector<base::UniqueFd> files_;
  std::map<std::pair<std::uint32_t, std::uint8_t>, Channel> channels_;
};

}  // namespace sluice::cli
