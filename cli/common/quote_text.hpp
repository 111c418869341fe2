// What a job would cost, in words: for `sbatch --quote`.
#pragma once

#include <string>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "wire/quote_messages.hpp"

namespace sluice::cli {

// Asks the controller for what the parts of a job would cost.
[[nodiscard]] Result<wire::QuoteReply> ask_quote(Client& client, std::vector<wire::Submit> parts);

// Pure: what is printed.
[[nodiscard]] std::string quote_text(const wire::QuoteReply& reply);

}  // namespace sluice::cli
