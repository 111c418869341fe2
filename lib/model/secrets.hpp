// What may be hidden from plain users (private_data): a bit for each kind of records of others.
#pragma once

#include <cstdint>

namespace sluice::model {

enum Secret : std::uint32_t {
  kSecretJobs = 1U << 0U,
  kSecretUsage = 1U << 1U,
  kSecretAccounts = 1U << 2U,
  kSecretUsers = 1U << 3U,
  kSecretReservations = 1U << 4U,
  kSecretNodes = 1U << 5U,
  kSecretPartitions = 1U << 6U,
  kSecretEvents = 1U << 7U,  // of nodes
};

}  // namespace sluice::model
