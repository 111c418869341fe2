// See pattern.hpp.
#include "accel/pattern.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "base/strings.hpp"

namespace sluice::accel {

namespace {

constexpr std::size_t kMaxEntries = 16'384;
constexpr std::size_t kMaxMatches = 4'096;
constexpr std::size_t kMaxDigits = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Piece {
  std::string_view literal;
  std::string_view gap;  // behind the literal; empty: none
  bool star = false;     // instead of a gap
};

std::vector<Piece> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  while (!text.empty()) {
    const std::size_t special = text.find_first_of("{*");
    Piece piece{text.substr(0, special), {}, false};
    if (special == std::string_view::npos) {
      text = {};
    } else if (text[special] == '*') {
      piece.star = true;
      text.remove_prefix(special + 1);
    } else {
      const std::size_t close = text.find('}', special);
      piece.gap = text.substr(special + 1, close - special - 1);
      text.remove_prefix(close == std::string_view::npos ? text.size() : close + 1);
    }
    pieces.push_back(piece);
  }
  return pieces;
}

// Matches one name of a path against pieces; the longest run of digits fills a gap.
bool match_name(std::span<const Piece> pieces, std::string_view name, Bindings& bound) {
  if (pieces.empty()) return name.empty();
  const Piece& piece = pieces.front();
  if (!name.starts_with(piece.literal)) return false;
  name.remove_prefix(piece.literal.size());
  const auto rest = pieces.subspan(1);
  if (piece.star) {
    for (std::size_t taken = 0; taken <= name.size(); ++taken) {
      if (match_name(rest, name.substr(taken), bound)) return true;
    }
    return false;
  }
  if (piece.gap.empty()) return match_name(rest, name, bound);
  if (const auto known = bound.find(piece.gap); known != bound.end()) {
    if (!name.starts_with(known->second)) return false;
    return match_name(rest, name.substr(known->second.size()), bound);
  }
  std::size_t digits = 0;
  while (digits < name.size() && is_digit(name[digits])) ++digits;
  if (digits == 0 || digits > kMaxDigits) return false;
  bound.emplace(piece.gap, name.substr(0, digits));
  if (match_name(rest, name.substr(digits), bound)) return true;
  bound.erase(std::string(piece.gap));
  return false;
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

// "renderD9" before "renderD10".
bool natural_less(const PathMatch& a, const PathMatch& b) {
  std::string_view x = a.path;
  std::string_view y = b.path;
  while (!x.empty() && !y.empty()) {
    std::size_t m = 0;
    std::size_t n = 0;
    while (m < x.size() && is_digit(x[m])) ++m;
    while (n < y.size() && is_digit(y[n])) ++n;
    if (m > 0 && n > 0) {
      if (m != n) return m < n;
      if (const int order = x.substr(0, m).compare(y.substr(0, n)); order != 0) return order < 0;
      x.remove_prefix(m);
      y.remove_prefix(n);
    } else if (x.front() != y.front()) {
      return x.front() < y.front();
    } else {
      x.remove_prefix(1);
      y.remove_prefix(1);
    }
  }
  return x.size() < y.size();
}

void step_into(const std::string& root, const PathMatch& from, std::string_view component,
               std::vector<PathMatch>& out) {
  const std::vector<Piece> pieces = pieces_of(component);
  if (component.find('*') == std::string_view::npos) {
    if (const auto whole = fill(component, from.bound)) {
      PathMatch next{from.path + "/" + *whole, from.bound};
      if (exists(root + next.path)) out.push_back(std::move(next));
      return;
    }
  }
  for (const std::string& name : entries_of(root + from.path)) {
    PathMatch next{from.path + "/" + name, from.bound};
    if (match_name(pieces, name, next.bound)) out.push_back(std::move(next));
    if (out.size() >= kMaxMatches) return;
  }
}

}  // namespace

std::vector<std::string> entries_of(const std::string& folder) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<DIR, Close> dir(::opendir(folder.c_str()));
  while (dir != nullptr && names.size() < kMaxEntries) {
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> gaps(std::string_view pattern) {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_of(pattern)) {
    if (!piece.gap.empty()) names.emplace_back(piece.gap);
  }
  return names;
}

bool well_formed(std::string_view pattern) {
  bool inside = false;
  std::size_t length = 0;
  for (const char c : pattern) {
    if (c == '{' || c == '}') {
      if ((c == '}') != inside || (c == '}' && length == 0)) return false;
      inside = !inside;
      length = 0;
    } else if (inside) {
      if (c == '/' || c == '*') return false;
      ++length;
    }
  }
  return !inside;
}

std::optional<std::string> fill(std::string_view pattern, const Bindings& known) {
  std::string text;
  for (const Piece& piece : pieces_of(pattern)) {
    text += piece.literal;
    if (piece.star) text += '*';
    if (piece.gap.empty()) continue;
    const auto value = known.find(piece.gap);
    if (value == known.end()) return std::nullopt;
    text += value->second;
  }
  return text;
}

std::vector<PathMatch> expand(const std::string& root, std::string_view pattern,
                              const Bindings& known) {
  std::vector<PathMatch> found{{"", known}};
  for (const std::string_view component : base::split_nonempty(pattern, '/')) {
    std::vector<PathMatch> next;
    for (const PathMatch& match : found) step_into(root, match, component, next);
    found = std::move(next);
  }
  std::ranges::sort(found, natural_less);
  return found;
}

}  // namespace sluice::accel
