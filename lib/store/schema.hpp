// The tables, and how a database of any age becomes one of today. Each migration is one
// transaction; the number of those done is the database's user_version. Before anything is changed
// the file is looked at: what is damaged, of another program or of a newer release is refused.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "store/database.hpp"

namespace sluice::store {

// Reads the first bytes of the file, without SQLite. True: there is no database yet.
[[nodiscard]] Result<bool> is_new_database(const std::string& path);

// Checks an opened database and brings it to today's schema. Small ones are checked whole.
[[nodiscard]] Status prepare_schema(Connection& connection, const std::string& path);

}  // namespace sluice::store
