// Scenario: what happens on the played site, line by line, in the order of time. Blank lines and
// lines that begin with '#' are passed over. Times are microseconds since 1970.
//
//   TIME submit KEY USER RUN_US END -- SBATCH ARGUMENTS   END: an exit code, "oom" or "launch"
//   TIME job VERB KEY [TASK]         cancel, suspend, resume, requeue, hold, release; by root
//   TIME node NAME down|up           its daemon and all its processes are gone; it is back
//   TIME load FILE                   a price file
//   TIME money KIND CUSTOMER AMOUNT [TO]   topup, withdrawal, credit, correction, payment, transfer
//   TIME buy CUSTOMER NAME METER UNITS PRICE EXPIRES       EXPIRES 0: never
//   TIME close MONTH
//   TIME clear                       whatever still waits, or is suspended, is cancelled
//
// KEY is the job's name; the processes of each of its attempts run RUN_US microseconds, and those
// of an array's task 7 seconds longer for each number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace sluice::books {

struct Line {
  std::int64_t at_us = 0;
  std::vector<std::string> words;  // from the verb on
};

[[nodiscard]] Result<std::vector<Line>> read_scenario(const std::string& path);

}  // namespace sluice::books
