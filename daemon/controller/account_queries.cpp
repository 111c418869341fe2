// See account_queries.hpp.
#include "daemon/controller/account_queries.hpp"

#include <algorithm>
#include <utility>

#include "wire/account_messages.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

// Records are a few hundred bytes each, with many limits set a few thousand.
constexpr std::size_t kRecordsPerPiece = 2048;

class AccountsQuery : public Query {
 public:
  explicit AccountsQuery(AccountsAnswer answer) : answer_(std::move(answer)) {}

  Piece next() override {
    wire::AccountsReply message;
    const model::Accounts& all = *answer_.accounts;
    message.accounts.generation = all.generation;
    if (std::exchange(first_, false)) {
      message.cluster = answer_.cluster;
      message.accounts.next_association = all.next_association;
      message.accounts.next_qos = all.next_qos;
      message.accounts.tres = all.tres;
    }
    std::size_t room = kRecordsPerPiece;
    bool last = take(all.qos, message.accounts.qos, qos_, room);
    last = take(all.accounts, message.accounts.accounts, accounts_, room) && last;
    last = take(all.users, message.accounts.users, users_, room) && last;
    last = take(all.associations, message.accounts.associations, associations_, room) && last;
    last = take(answer_.usage, message.usage, usage_, room) && last;
    message.last = last;
    return {wire::AccountsReply::kType, wire::encode(message), last};
  }

 private:
  // True: nothing of the list is left.
  template <class Record>
  static bool take(const std::vector<Record>& from, std::vector<Record>& to, std::size_t& at,
                   std::size_t& room) {
    const std::size_t count = std::min(room, from.size() - at);
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(at);
    to.assign(first, first + static_cast<std::ptrdiff_t>(count));
    at += count;
    room -= count;
    return at == from.size();
  }

  AccountsAnswer answer_;
  bool first_ = true;
  std::size_t qos_ = 0;
  std::size_t accounts_ = 0;
  std::size_t users_ = 0;
  std::size_t associations_ = 0;
  std::size_t usage_ = 0;
};

}  // namespace

std::unique_ptr<Query> query_accounts(AccountsAnswer answer) {
  return std::make_unique<AccountsQuery>(std::move(answer));
}

}  // namespace sluice::controller
