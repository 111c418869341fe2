// The price file: price books and customers, in YAML. Read as a whole or not at all; every error
// says file and line. An example is etc/prices.yaml.
//
//   price_books:                  # left out: prices stay. Else all that shall hold: versions that
//                                 # have not begun and aren't here are taken back
//     - name: standard
//       version: 2                # from 1; a version that was in force is never changed
//       currency: CHF             # ISO 4217
//       valid_from: 2026-07-01T00:00:00+02:00   # or a date (UTC)
//       valid_until: 2027-01-01   # left out: until further notice
//       utc_offset: "+02:00"      # of the hours below; default 0
//       granularity: 60           # seconds: time is charged in such granules; default 1
//       minimum: 300              # seconds that each attempt costs at least; default 0
//       combine: sum              # or max: of cpu, memory and devices only the dearest
//       free: [node_fail, launch_failed, boot_fail]     # the default; [] makes nothing free.
//                                 # Also completed, failed, timeout, cancelled, preempted,
//                                 requeued, # deadline, out_of_memory
//       prices:                   # of each resource the first that matches holds
//         - sku: core-night       # unique in the book
//           meter: cpu            # mem, node, billing, gres/NAME[:TYPE], license/NAME
//           unit: core-hour       # or thread-hour, cpu-hour; gib-hour, node-hour, billing-hour,
//                                 # card-hour, license-hour: the meter's usual one if left out
//           price: 0.02           # for one unit; at most six decimals
//           service: HPC batch    # as invoices and exports name it
//           partitions: [batch]   # left out: any; so are qos and accounts, which stand for all
//           qos: [normal]         # below them as well
//           accounts: [science]
//           days: mon-fri,sun     # left out: all
//           hours: 20:00-06:00    # over midnight: the days are those of the evening
//           suspended: charged    # suspended time; default free
//
//   customers:                    # those that aren't here stay as they are
//     - name: physics
//       account: physics          # and all below it that isn't another customer's
//       kind: prepaid             # or postpaid
//       currency: CHF
//       book: standard
//       discount: 12.5            # percent
//       credit_limit: 1000        # postpaid
//       overdraft: 50             # or unlimited: how far running jobs may go below zero
//       grace: 600                # seconds until they end then
//       hold_hours: 24            # of a job's time limit; 0 (the default): all of it
//       warn_at: [100, 10]
//       closed: no                # yes: starts nothing more
//       display_name: Institute of Physics
//       address: "1 Main Street\nExampleton"
#pragma once

#include <string>

#include "config/yaml_reader.hpp"
#include "ledger/books_state.hpp"

namespace sluice::config {

struct PriceFile {
  std::string name;
  ledger::PriceLoad load;
  YamlValue source;  // for the lines

  // "prices.yaml:12: currency: ...": where the fault is that the books found in `load`.
  [[nodiscard]] std::string say(const ledger::LoadFault& fault) const;
};

// Checks what can be checked without the books: each value, and that versions don't overlap.
[[nodiscard]] Result<PriceFile> parse_price_file(const std::string& text, const std::string& name);

}  // namespace sluice::config
