// See slurm_text.hpp.
#include "config/slurm_text.hpp"

#include <algorithm>
#include <optional>

#include "base/strings.hpp"

namespace sluice::config {

namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kPair = "Key=Value";

// Without the comment: what comes after a '#' that no backslash precedes.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] != '\\') return line.substr(0, at);
  }
  return line;
}

class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) { skip_blanks(); }

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  // Nothing: the text doesn't go on with Key=Value.
  std::optional<SlurmPair> next() {
    SlurmPair pair;
    const std::size_t end = rest_.find_first_of("= \t\r");
    pair.key = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end, rest_.size()));
    skip_blanks();
    if (pair.key.empty() || !rest_.starts_with('=')) return {};
    rest_.remove_prefix(1);
    skip_blanks();
    std::size_t length = rest_.find_first_of(kBlanks);
    if (rest_.starts_with('"')) {
      const std::size_t closed = rest_.find('"', 1);
      if (closed == std::string_view::npos) return {};
      pair.value = rest_.substr(1, closed - 1);
      length = closed + 1;
    } else {
      pair.value = rest_.substr(0, length);
    }
    rest_.remove_prefix(std::min(length, rest_.size()));
    skip_blanks();
    return pair;
  }

 private:
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  }

  std::string_view rest_;
};

Status read_pairs(std::string_view text, const Place& place, SlurmLine& line) {
  Words words(text);
  while (!words.empty()) {
    const std::string_view from = words.rest();
    std::optional<SlurmPair> pair = words.next();
    if (!pair && base::istarts_with(from, "include ")) {
      return wrong(place, "one file (what is included must be written into it)", from);
    }
    if (!pair) return wrong(place, kPair, from);
    line.pairs.push_back(std::move(*pair));
  }
  return {};
}

}  // namespace

Result<std::vector<SlurmLine>> read_slurm_text(std::string_view text, const std::string& name) {
  std::vector<SlurmLine> lines;
  int number = 0;
  while (!text.empty()) {
    SlurmLine line;
    line.line = number + 1;
    std::string whole;
    bool continued = true;
    while (continued && !text.empty()) {
      ++number;
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view piece = without_comment(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      while (piece.ends_with('\r')) piece.remove_suffix(1);
      continued = piece.ends_with('\\');
      if (continued) piece.remove_suffix(1);
      whole += piece;
    }
    if (Status read = read_pairs(whole, {name, line.line, ""}, line); !read) {
      return tl::unexpected(read.error());
    }
    if (!line.pairs.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

bool same_key(std::string_view slurm, std::string_view ours) {
  std::string plain(ours);
  std::erase(plain, '_');
  return base::iequals(slurm, plain);
}

const std::string* find_pair(const SlurmLine& line, std::string_view key) {
  const auto found = std::ranges::find_if(
      line.pairs, [key](const SlurmPair& pair) { return base::iequals(pair.key, key); });
  return found == line.pairs.end() ? nullptr : &found->value;
}

}  // namespace sluice::config
