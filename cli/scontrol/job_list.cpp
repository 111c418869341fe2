// See job_list.hpp.
#include "cli/scontrol/job_list.hpp"

namespace sluice::cli {

std::vector<std::string> split_job_list(std::string_view list) {
  std::vector<std::string> pieces;
  std::string piece;
  int depth = 0;
  const auto finish = [&] {
    if (!piece.empty()) pieces.push_back(piece);
    piece.clear();
  };
  for (const char c : list) {
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && depth == 0) {
      finish();
    } else {
      piece.push_back(c);
    }
  }
  finish();
  return pieces;
}

}  // namespace sluice::cli
