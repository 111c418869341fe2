// See accounts_query.hpp.
#include "cli/common/accounts_query.hpp"

#include <iterator>
#include <utility>

#include "wire/account_messages.hpp"

namespace sluice::cli {

namespace {

template <class Record>
void append(std::vector<Record>& to, std::vector<Record> more) {
  if (to.empty()) {
    to = std::move(more);
  } else {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
}

}  // namespace

Result<AccountsSnapshot> read_accounts(Client& client, WithUsage usage) {
  Result<Session> session = client.session();
  if (!session) return tl::unexpected(as_seen_by_user(session.error()));
  const wire::QueryAccounts question{usage == WithUsage::yes};
  if (Status sent = session->send(question); !sent) {
    return tl::unexpected(as_seen_by_user(sent.error()));
  }
  AccountsSnapshot all;
  bool first = true;
  while (true) {
    auto reply = session->receive_as<wire::AccountsReply>(kAnswerMs);
    if (!reply) return tl::unexpected(as_seen_by_user(reply.error()));
    model::Accounts& more = reply->accounts;
    if (first) {
      all.cluster = reply->cluster.str();
      all.accounts = std::move(more);
    } else {
      append(all.accounts.accounts, std::move(more.accounts));
      append(all.accounts.users, std::move(more.users));
      append(all.accounts.associations, std::move(more.associations));
      append(all.accounts.qos, std::move(more.qos));
      append(all.accounts.tres, std::move(more.tres));
    }
    append(all.usage, std::move(reply->usage));
    first = false;
    if (reply->last) return all;
  }
}

}  // namespace sluice::cli
