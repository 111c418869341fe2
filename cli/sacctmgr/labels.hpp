// How sacctmgr names associations in its notes.
#pragma once

#include <string>
#include <string_view>

#include <fmt/core.h>

#include "model/association.hpp"

namespace sluice::cli::accounting {

// "  U = ann       A = physics    C = tux       \n" of what is added.
[[nodiscard]] inline std::string added_line(std::string_view cluster,
                                            const model::Association& one) {
  std::string line = " ";
  if (!one.user.empty()) line += fmt::format(" U = {:<9.9}", one.user.view());
  line += fmt::format(" A = {:<10.10} C = {:<10.10}", one.account.view(), cluster);
  if (!one.partition.empty()) line += fmt::format(" P = {:<10.10}", one.partition.view());
  return line + "\n";
}

// "  C = tux        A = physics              U = ann      \n" of what is changed; of an account
// "A = physics of science".
[[nodiscard]] inline std::string changed_line(std::string_view cluster,
                                              const model::Association& one,
                                              std::string_view parent) {
  std::string line = fmt::format("  C = {:<10} A = ", cluster);
  if (one.user.empty()) {
    line += one.account.view();
    if (!parent.empty()) line += fmt::format(" of {}", parent);
    return line + "\n";
  }
  line += fmt::format("{:<20} U = {:<9}", one.account.view(), one.user.view());
  if (!one.partition.empty()) line += fmt::format(" P = {}", one.partition.view());
  return line + "\n";
}

// "  DefQOS = high       C = tux        A = physics              U = ann      \n" of who would
// have a default QOS that isn't allowed, or isn't there.
[[nodiscard]] inline std::string default_qos_line(std::string_view cluster,
                                                  const model::Association& one) {
  std::string line = fmt::format("  DefQOS = {:<10} C = {:<10} A = {:<20}", one.default_qos.view(),
                                 cluster, one.account.view());
  if (!one.user.empty()) line += fmt::format(" U = {:<9}", one.user.view());
  if (!one.partition.empty()) line += fmt::format(" P = {}", one.partition.view());
  return line + "\n";
}

// "  C = tux        A = physics    U = ann       P = batch\n" of what is removed.
[[nodiscard]] inline std::string removed_line(std::string_view cluster,
                                              const model::Association& one) {
  std::string line = fmt::format("  C = {:<10} A = {:<10}", cluster, one.account.view());
  if (!one.user.empty()) line += fmt::format(" U = {:<9}", one.user.view());
  if (!one.partition.empty()) line += fmt::format(" P = {}", one.partition.view());
  return line + "\n";
}

}  // namespace sluice::cli::accounting
