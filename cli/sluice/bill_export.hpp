// `sluice bill export`: a month's entries for other programs: as FOCUS rows, or as they are.
#pragma once

#include <string>

#include "base/result.hpp"
#include "cli/sluice/bill_books.hpp"
#include "ledger/focus.hpp"

namespace sluice::cli {

struct ExportOptions {
  std::string format = "focus";  // focus, focus-json, csv, json
  std::string month;
  std::string customer;  // empty: all
  std::string account;   // empty: all; what belongs to no job is left out
  std::string focus_version = "1.2";
  std::string output;
  ledger::FocusSite site;
};
[[nodiscard]] Status export_month(Client& client, ExportOptions options);

}  // namespace sluice::cli
