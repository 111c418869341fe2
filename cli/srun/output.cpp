// See output.hpp.
#include "cli/srun/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "base/quantity.hpp"
#include "cli/common/program.hpp"

namespace sluice::cli {

Result<OutputSink> OutputSink::create(const OutputOptions& options) {
  OutputSink sink;
  sink.options_ = options;
  sink.label_width_ = static_cast<int>(std::to_string(std::max(options.tasks, 1U) - 1).size());
  Result<Destination> out = sink.open(options.stdout_path, STDOUT_FILENO);
  if (!out) return tl::unexpected(out.error());
  sink.out_ = *out;
  if (options.stderr_path.empty() || options.stderr_path == options.stdout_path) {
    sink.err_ = sink.out_;
    if (sink.out_.fd == STDOUT_FILENO) sink.err_.fd = STDERR_FILENO;
    return sink;
  }
  Result<Destination> err = sink.open(options.stderr_path, STDERR_FILENO);
  if (!err) return tl::unexpected(err.error());
  sink.err_ = *err;
  return sink;
}

Result<OutputSink::Destination> OutputSink::open(const std::string& path, int own_fd) {
  if (path.empty() || path == "all") return Destination{own_fd, UINT32_MAX};
  if (path == "none") return Destination{-1, UINT32_MAX};
  if (const Result<std::uint32_t> task = base::parse_u32(path)) return Destination{own_fd, *task};
  const int mode = options_.append ? O_APPEND : O_TRUNC;
  Result<base::UniqueFd> file = base::open_file(path, O_WRONLY | O_CREAT | mode, 0666);
  if (!file) {
    const std::string_view stream = own_fd == STDERR_FILENO ? "stderr" : "stdout";
    return fail(file.error().code, "Could not open " + std::string(stream) +
                                       " file: " + reason_of(file.error(), path));
  }
  files_.push_back(std::move(*file));
  return Destination{files_.back().get(), UINT32_MAX};
}

Status OutputSink::take(const wire::Output& output) {
  Channel& channel = channels_[{output.task, output.stream}];
  const std::uint64_t end = output.offset + output.data.size();
  if (output.offset > channel.offset) {
    return fail(ErrorCode::protocol, "a part of the output is missing");
  }
  channel.moved = true;
  if (end < channel.offset || (end == channel.offset && !output.end)) return {};
  const std::string_view fresh =
      std::string_view(output.data)
          .substr(static_cast<std::size_t>(channel.offset - output.offset));
  channel.offset = end;
  const Destination& to = output.stream == wire::kStderr ? err_ : out_;
  return write(to, output.task, channel, fresh, output.end);
}

Status OutputSink::write(const Destination& to, std::uint32_t task, Channel& channel,
                         std::string_view data, bool end) {
  const bool wanted = to.only_task == UINT32_MAX || to.only_task == task;
  if (to.fd < 0 || !wanted) return {};
  if (!options_.label) return base::write_all(to.fd, data);
  channel.partial += data;
  if (end && !channel.partial.empty() && channel.partial.back() != '\n') channel.partial += '\n';
  char prefix[32];
  std::snprintf(prefix, sizeof prefix, "%*u: ", label_width_, task);
  std::string lines;
  std::size_t start = 0;
  for (std::size_t newline = channel.partial.find('\n'); newline != std::string::npos;
       newline = channel.partial.find('\n', start)) {
    lines += prefix;
    lines.append(channel.partial, start, newline + 1 - start);
    start = newline + 1;
  }
  channel.partial.erase(0, start);
  return base::write_all(to.fd, lines);
}

std::vector<wire::OutputAck> OutputSink::acks() {
  std::vector<wire::OutputAck> acks;
  for (auto& [key, channel] : channels_) {
    if (!channel.moved) continue;
    channel.moved = false;
    acks.push_back({key.first, key.second, channel.offset});
  }
  return acks;
}

std::vector<wire::StreamPosition> OutputSink::positions() const {
  std::vector<wire::StreamPosition> positions;
  for (const auto& [key, channel] : channels_) {
    positions.push_back({key.first, key.second, channel.offset});
  }
  return positions;
}

}  // namespace sluice::cli
