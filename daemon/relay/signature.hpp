// The signature of a webhook's request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::relay {

// HMAC-SHA256 in hexadecimal over "sluice-webhook-v1\n", the time in seconds, "\n" and the body: a
// receiver that holds the time against its clock refuses what somebody sends again.
[[nodiscard]] std::string signature(std::string_view secret, std::int64_t time_s,
                                    std::string_view body);

}  // namespace sluice::relay
