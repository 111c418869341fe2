// Parsing and printing of -m/--distribution: see the header. The words are Slurm's, case aside.
#include "daemon/worker/host/distribution.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include "base/strings.hpp"

namespace sluice::worker {
namespace {

constexpr std::uint32_t kMaxPlane = 1'000'000;

tl::unexpected<Error> invalid() {
  return fail(ErrorCode::invalid_argument, "Invalid --distribution specification");
}

std::optional<CoreSpread> core_spread(std::string_view word) {
  if (word == "*") return CoreSpread::automatic;
  if (base::iequals(word, "block")) return CoreSpread::block;
  if (base::iequals(word, "cyclic")) return CoreSpread::cyclic;
  if (base::iequals(word, "fcyclic")) return CoreSpread::fcyclic;
  return std::nullopt;
}

std::string_view name(NodeSpread spread) {
  switch (spread) {
    case NodeSpread::automatic: return "block";
    case NodeSpread::block: return "block";
    case NodeSpread::cyclic: return "cyclic";
    case NodeSpread::plane: return "plane";
    case NodeSpread::arbitrary: return "arbitrary";
  }
  return "";
}

std::string_view name(CoreSpread spread) {
  switch (spread) {
    case CoreSpread::automatic: return "*";
    case CoreSpread::block: return "block";
    case CoreSpread::cyclic: return "cyclic";
    case CoreSpread::fcyclic: return "fcyclic";
  }
  return "";
}

Result<std::uint32_t> plane_size(std::string_view text) {
  std::uint32_t size = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), size);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || size == 0 ||
      size > kMaxPlane) {
    return fail(ErrorCode::invalid_argument, "Invalid plane size or size not specified");
  }
  return size;
}

// The first level: also "plane" and "plane=<n>". False: no such word.
Result<bool> set_nodes(Distribution& result, std::string_view word) {
  if (word == "*") return true;
  if (base::iequals(word, "block"))
    result.nodes = NodeSpread::block;
  else if (base::iequals(word, "cyclic"))
    result.nodes = NodeSpread::cyclic;
  else if (base::iequals(word, "arbitrary"))
    result.nodes = NodeSpread::arbitrary;
  else if (base::iequals(word, "plane"))
    result.nodes = NodeSpread::plane;
  else if (base::istarts_with(word, "plane=")) {
    const auto size = plane_size(word.substr(6));
    if (!size) return tl::unexpected(size.error());
    result.nodes = NodeSpread::plane;
    result.plane = *size;
  } else {
    return false;
  }
  return true;
}

bool set_packing(Distribution& result, std::string_view word) {
  if (base::iequals(word, "pack"))
    result.packing = Packing::pack;
  else if (base::iequals(word, "nopack"))
    result.packing = Packing::no_pack;
  else
    return false;
  return true;
}

}  // namespace

Result<Distribution> parse_distribution(std::string_view text) {
  Distribution result;
  const auto parts = base::split_nonempty(text, ',');
  if (parts.size() > 2 || (parts.empty() && !text.empty())) return invalid();
  if (parts.empty()) return result;
  std::size_t spread_parts = parts.size();
  if (set_packing(result, parts.back())) --spread_parts;
  if (spread_parts == 0) return result;
  if (spread_parts == 2) return invalid();
  const auto levels = base::split_nonempty(parts[0], ':');
  if (levels.empty() || levels.size() > 3) return invalid();
  const auto known = set_nodes(result, levels[0]);
  if (!known) return tl::unexpected(known.error());
  if (!*known) return invalid();
  if (result.nodes == NodeSpread::plane && levels.size() > 1) return invalid();
  for (std::size_t i = 1; i < levels.size(); ++i) {
    const auto spread = core_spread(levels[i]);
    if (!spread) return invalid();
    (i == 1 ? result.sockets : result.cores) = *spread;
  }
  return result;
}

std::string distribution_text(const Distribution& distribution) {
  std::string text;
  const bool plain = distribution.nodes == NodeSpread::automatic &&
                     distribution.sockets == CoreSpread::automatic &&
                     distribution.cores == CoreSpread::automatic;
  if (!plain) {
    text = name(distribution.nodes);
    if (distribution.sockets != CoreSpread::automatic ||
        distribution.cores != CoreSpread::automatic) {
      text += ':';
      text += name(distribution.sockets);
    }
    if (distribution.cores != CoreSpread::automatic) {
      text += ':';
      text += name(distribution.cores);
    }
  }
  if (distribution.packing == Packing::automatic) return text;
  if (!text.empty()) text += ',';
  text += distribution.packing == Packing::pack ? "pack" : "nopack";
  return text;
}

}  // namespace sluice::worker
