// `sluice bill ...`: customers, prices, money, statements, invoices, exports. Parses its own
// command line; what it does is in the files beside.
#pragma once

namespace sluice::cli {

// argv[0] is "bill". The exit code.
[[nodiscard]] int run_bill(int argc, char** argv);

}  // namespace sluice::cli
