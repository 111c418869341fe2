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
    if (first_) hide();
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
  // Leaves out what is none of the asker's business.
  void hide() {
    const Sight& sight = answer_.sight;
    constexpr std::uint32_t kSecrets =
        model::kSecretAccounts | model::kSecretUsers | model::kSecretUsage;
    if (!sight.hides(kSecrets)) return;
    const std::uint32_t asked =
        answer_.with_usage ? kSecrets : kSecrets & ~std::uint32_t{model::kSecretUsage};
    model::Accounts seen = *answer_.accounts;
    std::erase_if(seen.accounts,
                  [&](const model::Account& account) { return !sight.sees_account(account.name); });
    std::erase_if(seen.users, [&](const model::User& user) { return !sight.sees_user(user.name); });
    std::erase_if(seen.associations, [&](const model::Association& association) {
      return !sight.sees(association, asked);
    });
    std::erase_if(answer_.usage, [&](const model::UsageRecord& usage) {
      return usage.association != 0 &&
             !std::ranges::binary_search(seen.associations, usage.association, {},
                                         &model::Association::id);
    });
    answer_.accounts = std::make_shared<const model::Accounts>(std::move(seen));
  }

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
