// See join.hpp.
#include "cli/sluice/join.hpp"

#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "auth/host_key.hpp"
#include "auth/join_token.hpp"
#include "base/env.hpp"
#include "base/file.hpp"
#include "base/key_values.hpp"
#include "cli/common/client.hpp"
#include "net/link.hpp"
#include "wire/codec.hpp"

namespace sluice::cli {

namespace {

constexpr std::int64_t kJoinTimeoutMs = 20'000;

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

// What came of talking to the controller.
struct Outcome {
  std::optional<Status> status;
  std::string cluster;
  auth::PublicKey controller{};
};

void finish(net::Loop& loop, Outcome& outcome, Status status) {
  if (!outcome.status) outcome.status = std::move(status);
  loop.stop();
}

void on_answer(net::Loop& loop, Outcome& outcome, const net::Frame& frame) {
  if (frame.type == static_cast<std::uint16_t>(wire::JoinReply::kType)) {
    const auto reply = wire::decode<wire::JoinReply>(frame.payload);
    if (reply) outcome.cluster = reply->cluster.str();
    return finish(loop, outcome, reply ? Status() : Status(tl::unexpected(reply.error())));
  }
  const auto error = wire::decode<wire::ErrorReply>(frame.payload);
  finish(loop, outcome, error ? fail(error->code, error->text.str()) : fail(ErrorCode::protocol));
}

Result<Outcome> ask_controller(const auth::HostKey& key, const auth::JoinToken& token,
                               const wire::Join& request) {
  auto loop = net::Loop::create();
  if (!loop) return tl::unexpected(loop.error());
  Result<std::string> certificate = key.certificate_der();
  Result<std::string> private_key = key.private_key_der();
  if (!certificate) return tl::unexpected(certificate.error());
  if (!private_key) return tl::unexpected(private_key.error());
  auto tls = net::TlsContext::create(*certificate, *private_key);
  if (!tls) return tl::unexpected(tls.error());
  Outcome outcome;
  net::LinkTarget target;
  target.tcp = {token.address, token.port};
  target.context = *tls;
  target.check = [&](const auth::PublicKey& peer) -> Result<net::HostIdentity> {
    if (auth::fingerprint(peer) != token.controller) {
      return fail(ErrorCode::access_denied, "this is not the controller that the token is from");
    }
    outcome.controller = peer;
    return net::HostIdentity{"controller", auth::Role::controller, peer};
  };
  std::unique_ptr<net::Link> link;
  const auto connecting =
      net::connect_link(**loop, std::move(target), [&](Result<net::LinkConnection> made) {
        if (!made) {
          return finish(**loop, outcome,
                        context("the controller refuses this host (is the token still valid?)",
                                made.error()));
        }
        link = std::move(made->link);
        link->on_message([&](const net::Frame& frame) { on_answer(**loop, outcome, frame); });
        link->on_close([&](const Error& error) { finish(**loop, outcome, tl::unexpected(error)); });
        link->start();
        link->send({static_cast<std::uint16_t>(wire::Join::kType), 1, wire::encode(request)});
      });
  const net::Timer timeout = (*loop)->after(kJoinTimeoutMs, [&] {
    finish(**loop, outcome, fail(ErrorCode::unavailable, "the controller does not answer"));
  });
  (*loop)->run();
  link.reset();
  if (!*outcome.status) return tl::unexpected(outcome.status->error());
  return outcome;
}

}  // namespace

Result<std::string> request_token(const TokenOptions& options) {
  Result<Client> client = Client::create(base::Environment::of_process());
  if (!client) return tl::unexpected(client.error());
  wire::MakeToken request;
  request.role = options.role;
  request.valid_s = options.valid_s;
  request.uses = options.uses;
  Result<wire::TokenReply> reply = client->call<wire::TokenReply>(request);
  if (!reply) return tl::unexpected(reply.error());
  return reply->token.str() + "\n";
}

Status join_cluster(const JoinOptions& options) {
  Result<auth::JoinToken> token = auth::parse_token(options.token);
  if (!token) return tl::unexpected(token.error());
  if (base::file_exists(options.dir + "/agent.conf")) {
    return fail(ErrorCode::already_exists, options.dir + " belongs to a host that has joined");
  }
  if (Status made = base::make_directories(options.dir, 0755); !made) return made;
  Result<auth::HostKey> key = auth::HostKey::load_or_create(options.dir + "/host.key");
  if (!key) return tl::unexpected(key.error());
  wire::Join request;
  request.token_secret = options.token;
  request.name = options.name.empty() ? host_name() : options.name;
  request.address = options.address.empty() ? host_name() : options.address;
  request.port = options.port;
  request.role = auth::role_name(token->role);
  Result<Outcome> outcome = ask_controller(*key, *token, request);
  if (!outcome) return tl::unexpected(outcome.error());
  const base::KeyValues conf = {
      {"name", request.name.str()},
      {"controller_address", token->address},
      {"controller_port", std::to_string(token->port)},
      {"controller_key", auth::public_key_text(outcome->controller)},
      {"port", std::to_string(options.port)},
      {"client_conf", options.dir + "/client.conf"},
      {"single_user", ::geteuid() == 0 ? "no" : "yes"},
  };
  const base::KeyValues client = {{"agent_socket", options.dir + "/agent.sock"}};
  if (Status written =
          base::write_file_atomic(options.dir + "/client.conf", base::format_key_values(client));
      !written) {
    return written;
  }
  return base::write_file_atomic(options.dir + "/agent.conf", base::format_key_values(conf));
}

}  // namespace sluice::cli
